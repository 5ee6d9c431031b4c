import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BoxProcess, DOMAIN, passwordOf } from './box.ts'
import { freePort } from './ports.ts'
import { isPassedOver, Program } from './program.ts'
import { until } from './until.ts'

t.setTimeout(180_000)

const SCENARIOS = join(import.meta.dirname, '../../bench/sipp')
const SIPP_MS = 60_000
const RECIPIENTS = ['bob', 'carol', 'dave', 'erin']
/** Sender and credentials. SIPp puts one URI into every answer to a challenge. */
const ALICE = `alice;[authentication username=alice password=${passwordOf('alice')}]`
const AS_URI_OF_BOB = ['-auth_uri', `bob@${DOMAIN}`]
const BODY = 'x'.repeat(200)

interface Setting {
  readonly box: BoxProcess
  /** Runs a scenario to its end against the box. */
  sipp(scenario: string, rows: readonly string[], ...args: string[]): Promise<{ code: number | null; out: string }>
  /** Starts one that waits to be called. */
  start(scenario: string, ...args: string[]): Program
}

async function setUp(t: Test, toml = ''): Promise<Setting> {
  const dir = t.testdir({})
  const box = await BoxProcess.start(join(dir, 'box'), { users: ['alice', ...RECIPIENTS], toml })
  t.teardown(() => box.discard())
  const start = (scenario: string, ...args: string[]): Program => {
    const file = join(SCENARIOS, `${scenario}.xml`)
    const line = [
      '-sf',
      file,
      '-i',
      '127.0.0.1',
      '-nostdin',
      '-nd',
      '-timeout',
      '50s',
      '-timeout_error',
      '-key',
      'domain',
      DOMAIN,
      ...args,
    ]
    const program = new Program('sipp', line, dir)
    t.teardown(() => program.stop())
    return program
  }
  const sipp = async (scenario: string, rows: readonly string[], ...args: string[]) => {
    const file = join(dir, `${scenario}.csv`)
    writeFileSync(file, `SEQUENTIAL\n${rows.join('\n')}\n`)
    const program = start(scenario, '-inf', file, ...args, `127.0.0.1:${box.sipPort}`)
    const code = await program.end(SIPP_MS)
    return { code, out: program.out }
  }
  return { box, sipp, start }
}

/** The totals of SIPp's last screen. */
const totalOf = (out: string, what: string): number =>
  Number(new RegExp(`${what}[^|]*\\|[^|]*\\|\\s*(\\d+)`).exec(out.slice(out.lastIndexOf('Statistics Screen')))?.[1])

const waiting = async (box: BoxProcess): Promise<number> => Number.parseInt((await box.restante('queue')).out, 10)

for (const transport of ['u1', 't1'])
  t.test(
    `DM-DEC-02: SIPp, ${transport}: 2000 messages to absent users, no failed call, everything is kept`,
    async t => {
      if (isPassedOver(t, 'sipp')) return
      const { box, sipp } = await setUp(t, '[auth]\ndigest = false')
      const load = ['-t', transport, '-m', '2000', '-r', '1000', '-l', '64', '-key', 'body', BODY]
      const { code, out } = await sipp('message-store', RECIPIENTS, ...load)
      t.equal(code, 0, 'no failed call')
      t.equal(totalOf(out, 'Successful call'), 2000)
      await box.kill()
      await box.start()
      t.equal(await waiting(box), 2000)
    },
  )

t.test('RFC 7616: SIPp with digest: 2000 messages to absent users, no failed call', async t => {
  if (isPassedOver(t, 'sipp')) return
  const { box, sipp } = await setUp(t, '[deferral]\nquota_messages = 2000\nsender_share_percent = 100')
  const rows = [`bob;${ALICE}`]
  const load = [...AS_URI_OF_BOB, '-m', '2000', '-r', '1000', '-l', '64', '-key', 'body', BODY]
  const { code, out } = await sipp('message-authenticated', rows, ...load)
  t.equal(code, 0, 'no failed call')
  t.equal(totalOf(out, 'Successful call'), 2000)
  t.equal(await waiting(box), 2000)
})

t.test('RFC 3428: SIPp as the plain phone is handed everything that waits, each message once', async t => {
  if (isPassedOver(t, 'sipp')) return
  const { box, sipp, start } = await setUp(t)
  const sent = await sipp(
    'message-authenticated',
    [`bob;${ALICE}`],
    ...AS_URI_OF_BOB,
    '-m',
    '300',
    '-r',
    '1000',
    '-l',
    '32',
    '-key',
    'body',
    BODY,
  )
  t.equal(sent.code, 0)
  const port = await freePort()
  const phone = start('phone', '-p', String(port), '-m', '300')
  const bob = `[authentication username=bob password=${passwordOf('bob')}]`
  const registered = await sipp('register', [`bob;${bob};sip:bob@127.0.0.1:${port}`], '-m', '1', '-auth_uri', DOMAIN)
  t.equal(registered.code, 0)
  t.equal(await phone.end(SIPP_MS), 0, 'no failed call')
  t.equal(totalOf(phone.out, 'Successful call'), 300)
  await until('an empty queue', 10_000, async () => (await waiting(box)) === 0)
})
