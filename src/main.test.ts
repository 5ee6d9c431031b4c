import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { FolderLock } from './host/lock.ts'
import { RESTANTE } from './testing/program-under-test.ts'

/** The whole program, as a process, over the real store. */

const [program, ...first] = RESTANTE

/** A folder with a configuration whose ports the system chooses. */
const setUp = () => {
  const dir = mkdtempSync(join(tmpdir(), 'restante-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'restante.toml')
  const off = ['sip_udp', 'sip_tcp', 'msrp_tcp', 'http'].map(key => `${key} = "127.0.0.1:0"`)
  writeFileSync(file, `domain = "example.org"\ndata_dir = "${dir}/data"\n[listen]\n${off.join('\n')}\n`)
  return file
}

const start = (args: readonly string[]) => {
  const child = spawn(program, [...first, ...args], { stdio: 'pipe' })
  const told = { out: '', err: '' }
  child.stdout.on('data', bytes => (told.out += bytes))
  child.stderr.on('data', bytes => (told.err += bytes))
  return { child, told }
}

const restante = async (...args: string[]) => {
  const { child, told } = start(args)
  child.stdin.end()
  const [code] = await once(child, 'close')
  return { code, ...told }
}

/** Resolves once it serves. */
const serve = async (file: string, ...more: string[]) => {
  const { child, told } = start(['serve', '--config', file, ...more])
  t.teardown(() => child.kill('SIGKILL'))
  while (!told.err.includes('"msg":"serving"')) {
    if (child.exitCode !== null) throw new Error(told.err)
    await Promise.race([once(child.stderr, 'data'), once(child, 'close')])
  }
  return { child, told }
}

const ended = async (child: ChildProcess, signal: NodeJS.Signals) => {
  const since = performance.now()
  const closed = once(child, 'close')
  child.kill(signal)
  const [code] = await closed
  return { code, tookMs: performance.now() - since }
}

t.test(
  'serve: says where it listens, stops within 5 s on SIGTERM with a connection open, and starts again',
  async t => {
    const file = setUp()
    const first = await serve(file, '--first-accounts', 'alice')
    t.match(first.told.out, /SIP +udp 127\.0\.0\.1:\d+, tcp 127\.0\.0\.1:\d+\n/)
    t.match(first.told.out, /MSRP +tcp 127\.0\.0\.1:\d+\n/)
    t.match(first.told.out, /admin +[a-z2-7]{16}\n/)
    t.match(first.told.out, /sip:alice@example\.org +[a-z2-7]{16}\n/)
    const http = /http:\/\/127\.0\.0\.1:\d+\//.exec(first.told.out)?.[0]
    t.equal(await (await fetch(`${http}healthz`)).text(), '{"status":"ok"}')
    const port = Number(/tcp 127\.0\.0\.1:(\d+)/.exec(first.told.out)?.[1])
    const idle = connect(port, '127.0.0.1')
    await once(idle, 'connect')
    const stop = await ended(first.child, 'SIGTERM')
    t.equal(stop.code, 0)
    t.ok(stop.tookMs < 5000, `${Math.round(stop.tookMs)} ms`)
    for (const line of first.told.err.trimEnd().split('\n')) t.match(JSON.parse(line), { level: 'info', msg: /./ })
    const second = await serve(file)
    t.notMatch(second.told.out, /First start/)
    t.equal((await ended(second.child, 'SIGINT')).code, 0)
  },
)

t.test(
  'commands speak to the running box, and to the store itself where none runs; kill -9 leaves no lock',
  async t => {
    const file = setUp()
    const box = await serve(file)
    const config = ['--config', file]
    t.match(await restante('user', 'add', 'carol', ...config), { code: 0, out: /^Added sip:carol@example\.org/ })
    const refused = await restante('serve', ...config)
    t.match(refused, { code: 1, err: new RegExp(`in use by the restante that runs as process ${box.child.pid}\\.`) })
    t.notMatch(refused.err, /\bat .*\.ts:/, 'no stack')
    await ended(box.child, 'SIGKILL')
    t.match(await restante('user', 'list', ...config), { code: 0, out: /^sip:carol@example\.org {2}store/ })
    t.match(await restante('queue', ...config), { code: 0, out: '0 messages, 0 bytes waiting\n' })
    const again = await serve(file)
    t.equal((await ended(again.child, 'SIGHUP')).code, 0, 'a closed terminal stops it in order')
  },
)

t.test('a box serves on when nobody reads what it prints', async t => {
  const { child, told } = start(['serve', '--config', setUp()])
  t.teardown(() => child.kill('SIGKILL'))
  child.stdout.destroy()
  while (!told.err.includes('"msg":"serving"')) await once(child.stderr, 'data')
  t.equal((await ended(child, 'SIGTERM')).code, 0)
  t.notMatch(told.err, 'EPIPE')
})

t.test('SIGTERM while it starts ends it', async t => {
  const file = setUp()
  const dataDir = join(dirname(file), 'data')
  mkdirSync(dataDir)
  const lock = await FolderLock.take(dataDir)
  // Stands in for a box that holds the folder and does not answer.
  const silent = createServer().listen(join(dataDir, 'control'))
  const { child, told } = start(['serve', '--config', file])
  t.teardown(() => child.kill('SIGKILL'))
  await once(silent, 'connection')
  const stop = await ended(child, 'SIGTERM')
  silent.close()
  lock?.release()
  t.equal(stop.code, 0)
  t.ok(stop.tookMs < 5000, `${Math.round(stop.tookMs)} ms`)
  t.match(told.err, /stopped while starting/)
})

t.test('a mistake in the configuration ends serve before it touches anything', async t => {
  const file = setUp()
  writeFileSync(file, 'domain = "example.org"\n[listen]\nsip_udp = "nowhere"\n')
  const { code, out, err } = await restante('serve', '--config', file)
  t.equal(code, 1)
  t.equal(out, '')
  t.ok(err.startsWith(`${file}:listen.sip_udp: "nowhere" is not an address with a port`), err)
})
