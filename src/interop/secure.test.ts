import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import { mainFingerprint } from '../host/certificate.ts'
import { Certificates } from '../host/certificates.ts'
import { Authority, dns, type Issued } from '../testing/authority.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import { freePorts } from './ports.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(60_000)

const STORED_MS = 10_000
const ARRIVAL_MS = 10_000

/** A box with TLS listeners, and a certificate for a phone. */
async function setUp(t: Test, pair?: Issued) {
  const dir = t.testdir({ phone: {}, certificates: {} })
  const [sipTls, msrpTls] = (await freePorts(2)) as [number, number]
  const files = { certificate: join(dir, 'certificates/c.pem'), key: join(dir, 'certificates/k.pem') }
  /** As a program that renews certificates does it: each file is replaced whole. */
  const write = ({ certificate, key }: Issued): void => {
    for (const [path, text] of [
      [files.certificate, certificate],
      [files.key, key],
    ] as const) {
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
    }
  }
  if (pair) write(pair)
  const tls = pair ? `[tls]\ncertificate = "${files.certificate}"\nkey = "${files.key}"\n` : ''
  const toml = `sip_tls = "127.0.0.1:${sipTls}"\nmsrp_tls = "127.0.0.1:${msrpTls}"\n${tls}`
  const box = await BoxProcess.start(join(dir, 'box'), { users: ['alice', 'bob'], toml })
  t.teardown(() => box.discard())
  const names = { hostname: 'phone.example.net', domain: 'phone.example.net', addresses: [] }
  const own = { certificate: '', key: '', dataDir: join(dir, 'phone'), names, log: silentLog, wall: () => undefined }
  const certificates = await Certificates.open(own)
  const phone = async (user: string): Promise<RealPhone> => {
    const opened = await RealPhone.open({ user, transport: 'tls', boxPort: sipTls, certificates })
    t.teardown(() => opened.close())
    return opened
  }
  const shown = async (port: number): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const certificate = socket.getPeerX509Certificate()!
    socket.destroy()
    return mainFingerprint(certificate)
  }
  return { box, phone, shown, write, sipTls, msrpTls }
}

t.test('RFC 3261 26, RFC 4975 14: kept over TLS, pushed over MSRP with TLS, whoever connects', async t => {
  const { box, phone, sipTls } = await setUp(t)
  for (const setup of ['passive', 'active'] as const) {
    const alice = await phone('alice')
    const sent = await Promise.all(['one', 'two'].map(body => alice.message({ to: `sip:bob@${DOMAIN}`, body })))
    t.same(
      sent.map(({ status }) => status),
      [202, 202],
    )
    const bob = await phone('bob')
    bob.phone.behaviour = { invite: () => ({ status: 200, setup }), message: () => 200 }
    t.equal(await bob.register({ isInstantMessaging: true }), 200)
    await until(`${setup}: both messages`, ARRIVAL_MS, () => bob.inbox.taken.length === 2)
    t.same(bob.inbox.taken.map(({ form, body }) => `${form} ${body}`).sort(), ['msrp one', 'msrp two'])
    t.match(bob.inbox.calls[0]!.invite.body.toString(), /^m=message \d+ TCP\/TLS\/MSRP \*\r$/m)
    t.equal(await bob.register({ expiresS: 0 }), 200)
  }
  t.match(box.out, new RegExp(`tls 127.0.0.1:${sipTls}`))
  t.match(box.out, /TLS +\S+\/data\/tls\/certificate\.pem \(self-signed\)\n +sha-256 ([0-9A-F]{2}:){31}/)
})

t.test(
  'RFC 8122: a phone whose fingerprint is not that of its certificate gets nothing over MSRP, and nothing is lost',
  async t => {
    const { box, phone } = await setUp(t)
    const alice = await phone('alice')
    await alice.message({ to: `sip:bob@${DOMAIN}`, body: 'one' })
    const bob = await phone('bob')
    const fingerprint = `sha-256 ${Array(32).fill('AB').join(':')}`
    bob.phone.behaviour = { invite: () => ({ status: 200, fingerprint }), message: () => 200 }
    await bob.register({ isInstantMessaging: true })
    await until(
      'the push is given up',
      ARRIVAL_MS,
      async () => (await box.metric('restante_msrp_binding_refused_total')) > 0,
    )
    t.same(bob.inbox.taken, [])
    t.equal(await box.metric('restante_messages_waiting'), 1, 'it is kept')
  },
)

t.test('a new certificate is in use after SIGHUP, and registrations over the old connections live on', async t => {
  const authority = await Authority.make()
  const issue = () => authority.issue({ names: [dns('127.0.0.1'), dns(DOMAIN)] })
  const { box, phone, shown, write, sipTls, msrpTls } = await setUp(t, await issue())
  const bob = await phone('bob')
  await bob.register({ isInstantMessaging: true })
  const before = await shown(sipTls)
  t.equal(await shown(msrpTls), before)
  write({ ...(await issue()), key: 'no key' })
  box.signal('SIGHUP')
  await until('it is refused', STORED_MS, () => box.err.includes('new certificate refused'))
  t.equal(await shown(sipTls), before, 'the old pair stays')
  write(await issue())
  box.signal('SIGHUP')
  await until('it is taken', STORED_MS, () => box.err.includes('new certificate in use'))
  const after = await shown(sipTls)
  t.not(after, before)
  t.equal(await shown(msrpTls), after)
  // Over the connection from before: he is there, so it is forwarded.
  const alice = await phone('alice')
  const sent = await alice.message({ to: `sip:bob@${DOMAIN}`, body: 'still there?' })
  t.equal(sent.status, 200)
  t.same(
    bob.inbox.taken.map(({ body }) => `${body}`),
    ['still there?'],
  )
  t.equal((await box.stop()).code, 0)
})

t.test('openssl s_client speaks SIP with the box', async t => {
  const { sipTls } = await setUp(t)
  const child = spawn('openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${sipTls}`])
  const isThere = await new Promise<boolean>(resolve => {
    child.once('error', () => resolve(false))
    child.once('spawn', () => resolve(true))
  })
  if (!isThere) return t.pass('openssl: not installed, so this is passed over')
  t.teardown(() => child.kill())
  let out = ''
  child.stdout.on('data', bytes => (out += bytes))
  child.stdin.write(
    [
      `OPTIONS sip:${DOMAIN} SIP/2.0`,
      'Via: SIP/2.0/TLS client.invalid;branch=z9hG4bK1',
      `From: <sip:alice@${DOMAIN}>;tag=1`,
      `To: <sip:${DOMAIN}>`,
      'Call-ID: 1',
      'CSeq: 1 OPTIONS',
      'Max-Forwards: 70',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  )
  await until(`an answer: ${out}`, ARRIVAL_MS, () => out.includes('\r\n\r\n'))
  t.match(out, /^SIP\/2\.0 200 OK\r\nVia: SIP\/2\.0\/TLS client\.invalid;/)
})
