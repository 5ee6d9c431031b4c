/** Measures starts for start.sh: from the call to the first answer of /healthz, and the processor time until then. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { freePorts } from '../src/interop/ports.ts'

const [program = '', work = '', runs = '9', source = ''] = process.argv.slice(2)
const FORMS = { built: [program], source: source.split(' ') } as const
const COMMANDS = [['version'], ['check'], ['queue']]
const POLL_MS = 2
const READY_MS = 30_000

interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
}

const costs = new Map<string, Cost[]>()
const note = (name: string, cost: Cost) => costs.set(name, [...(costs.get(name) ?? []), cost])

for (let run = 0; run < Number(runs); run++)
  for (const [form, line] of run % 2 === 0 ? Object.entries(FORMS) : Object.entries(FORMS).reverse()) {
    const file = await configured(join(work, form))
    note(`${form}: first start`, await started(line, file))
    note(`${form}: start`, await started(line, file))
    for (const command of COMMANDS) note(`${form}: ${command}`, ran([...line, ...command, '--config', file]))
  }

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
console.log('median of', runs, '           wall ms   CPU ms')
for (const [name, all] of costs) {
  const [wall, cpu] = [median(all.map(({ wallMs }) => wallMs)), median(all.map(({ cpuMs }) => cpuMs))]
  console.log(`${name.padEnd(24)} ${wall.toFixed(0).padStart(8)} ${cpu.toFixed(0).padStart(8)}`)
}

async function configured(dir: string): Promise<string> {
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  const [sip, msrp, http] = await freePorts(3)
  const file = join(dir, 'restante.toml')
  const listen = [`sip_udp = "127.0.0.1:${sip}"`, `sip_tcp = "127.0.0.1:${sip}"`, `msrp_tcp = "127.0.0.1:${msrp}"`]
  const lines = [`domain = "example.org"`, `data_dir = "${join(dir, 'data')}"`, '[listen]', ...listen]
  writeFileSync(file, [...lines, `http = "127.0.0.1:${http}"`, ''].join('\n'))
  return file
}

async function started(line: readonly string[], file: string): Promise<Cost> {
  const [, port] = /^http = "127\.0\.0\.1:(\d+)"$/m.exec(readFileSync(file, 'utf8'))!
  const since = performance.now()
  const child = spawn(line[0]!, [...line.slice(1), 'serve', '--config', file], { stdio: 'ignore' })
  while (!(await isWell(Number(port)))) {
    if (performance.now() - since > READY_MS) throw new Error(`process ${child.pid} does not answer`)
    if (child.exitCode !== null) throw new Error(`${line[0]} ended with ${child.exitCode}`)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
  const cost = { wallMs: performance.now() - since, cpuMs: cpuMsOf(child) }
  child.kill('SIGTERM')
  await once(child, 'exit')
  return cost
}

function isWell(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const request = get({ host: '127.0.0.1', port, path: '/healthz', agent: false, timeout: 1000 }, answer => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}

/** Clock ticks are hundredths of a second on Linux. */
function cpuMsOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** bash tells what its children took. */
function ran(line: readonly string[]): Cost {
  const timed = 'TIMEFORMAT=\'%R %U %S\'; time "$0" "$@" >/dev/null 2>&1'
  const { status, stderr } = spawnSync('bash', ['-c', timed, ...line], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${line.join(' ')} ended with ${status}: ${stderr}`)
  const [wall = 0, user = 0, system = 0] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number)
  return { wallMs: wall * 1000, cpuMs: (user + system) * 1000 }
}
