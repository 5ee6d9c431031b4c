import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { BoxProcess, DOMAIN } from './box.ts'
import { freePorts } from './ports.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(120_000)

/** Where Debian has it, on either machine. */
const LIBRARY = existsSync('/usr/lib')
  ? readdirSync('/usr/lib')
      .map(name => `/usr/lib/${name}/faketime/libfaketime.so.1`)
      .find(existsSync)
  : undefined

t.test(
  'a box whose clock stands in 1970 at its first start, is set, jumps ahead and back: it serves, and nothing is lost',
  async t => {
    if (!LIBRARY) return void t.pass('libfaketime: not installed, so this is passed over')
    const dir = t.testdir({})
    const clock = join(dir, 'clock')
    const set = (to: string): void => writeFileSync(clock, `@${to}\n`)
    set('1970-01-01 00:01:00')
    const [tlsPort] = await freePorts(1)
    const box = await BoxProcess.start(dir, {
      users: ['alice', 'bob'],
      toml: `sip_tls = "127.0.0.1:${tlsPort}"\n[delivery]\nretry_min_s = 1\nretry_max_s = 2`,
      env: {
        LD_PRELOAD: LIBRARY,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        TZ: 'UTC',
      },
    })
    t.teardown(() => box.discard())
    const [, password] = /^ +admin +(\S+)$/m.exec(box.out)!
    const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
    const isTrusted = async (): Promise<boolean> => {
      const response = await fetch(`http://127.0.0.1:${box.httpPort}/api/v1/status`, { headers: { authorization } })
      return ((await response.json()) as { clock: { trusted: boolean } }).clock.trusted
    }
    const alice = await phone(t, box, 'alice')
    const bob = await phone(t, box, 'bob')

    t.equal(await isTrusted(), false, '1970 is not believed')
    const certificate = await certificateAt(tlsPort!)
    t.ok(
      Date.parse(certificate.valid_from) < Date.now() && Date.parse(certificate.valid_to) > Date.now(),
      'a certificate that holds today',
    )
    t.equal(
      (await alice.message({ to: `sip:bob@${DOMAIN}`, body: 'in 1970', headers: [['Expires', '60']] })).status,
      202,
    )

    set(textOf(Date.now()))
    await until('the clock is believed', 10_000, isTrusted)
    t.equal(
      (await alice.message({ to: `sip:bob@${DOMAIN}`, body: 'today', headers: [['Expires', '3600']] })).status,
      202,
    )
    // The first look at what has ended, and one more.
    for (const [to, name] of [
      [Date.now() + 366 * 86_400_000, 'a year ahead'],
      [Date.now(), 'and back'],
    ] as const) {
      set(textOf(to))
      await until(
        `${name}: it was seen`,
        20_000,
        () => box.err.split('the clock was set').length > (name === 'and back' ? 2 : 1),
      )
      t.equal(await box.metric('restante_messages_waiting'), 2, `${name}: nothing is lost`)
      t.equal((await box.health()).code, 200, `${name}: it takes messages`)
    }
    bob.phone.behaviour.message = () => 480
    t.equal(await bob.register(), 200)
    await until('it was tried', 15_000, () => bob.inbox.arrived.length > 0)
    set('1970-01-01 00:05:00')
    await until('1970 again', 10_000, async () => !(await isTrusted()))
    bob.phone.behaviour.message = () => 200
    await until('retries go on, by the other clock', 20_000, () => bob.inbox.taken.length === 2)
    t.same(
      bob.inbox.taken.map(({ body }) => body.toString()),
      ['in 1970', 'today'],
    )
    t.match(await box.stop(), { code: 0 })
  },
)

const textOf = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')

async function certificateAt(port: number): Promise<{ valid_from: string; valid_to: string }> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const certificate = socket.getPeerCertificate()
  socket.destroy()
  return certificate
}

async function phone(t: Test, box: BoxProcess, user: string): Promise<RealPhone> {
  const opened = await RealPhone.open({ user, transport: 'udp', boxPort: box.sipPort })
  t.teardown(() => opened.close())
  return opened
}
