import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BoxProcess, DOMAIN, passwordOf } from './box.ts'
import { isPassedOver, Program } from './program.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(90_000)

const SIPSAK_MS = 15_000

async function setUp(t: Test) {
  const dir = t.testdir({})
  const box = await BoxProcess.start(join(dir, 'box'), { users: ['alice', 'bob'] })
  t.teardown(() => box.discard())
  const sipsak = async (...args: string[]) => {
    const program = new Program('sipsak', args, dir)
    const code = await program.end(SIPSAK_MS)
    return { code, out: program.out }
  }
  return { dir, box, sipsak }
}

/** `-p` has to come first: what follows is then not looked up in DNS. */
const asAlice = (box: BoxProcess): string[] => [
  ...['-p', `127.0.0.1:${box.sipPort}`],
  ...['-u', 'alice', '-a', passwordOf('alice'), '-vvv'],
]

t.test('RFC 3261 11: sipsak asks for OPTIONS and is answered', async t => {
  if (isPassedOver(t, 'sipsak')) return
  const { box, sipsak } = await setUp(t)
  // The port stands in an option of its own, as sipsak cuts off its fifth digit in a URI.
  const { code, out } = await sipsak('-vv', '-r', String(box.sipPort), '-s', 'sip:127.0.0.1')
  t.equal(code, 0)
  t.match(out, /SIP\/2\.0 200 OK/)
  t.match(out, /Allow: .*MESSAGE/)
})

t.test('RFC 7616: sipsak registers with the MD5 challenge of the default settings', async t => {
  if (isPassedOver(t, 'sipsak')) return
  const { box, sipsak } = await setUp(t)
  const registered = await sipsak(...asAlice(box), '-i', '-U', '-s', `sip:alice@${DOMAIN}`)
  t.equal(registered.code, 0)
  t.match(registered.out, /usrloc tests completed successful/)
  const wrong = await sipsak(
    '-p',
    `127.0.0.1:${box.sipPort}`,
    '-U',
    '-x',
    '60',
    '-u',
    'alice',
    '-a',
    'guess',
    '-s',
    `sip:alice@${DOMAIN}`,
  )
  t.not(wrong.code, 0, 'with a wrong password it is refused')
})

t.test('DM-DEC-02: a MESSAGE that sipsak sends to an absent user is answered 202 and arrives', async t => {
  if (isPassedOver(t, 'sipsak')) return
  const { dir, box, sipsak } = await setUp(t)
  // From a file: the option -M of sipsak 0.9.8.1 ends in a segmentation fault before anything is sent.
  const file = join(dir, 'message.sip')
  const lines = [
    `MESSAGE sip:bob@${DOMAIN} SIP/2.0`,
    `From: <sip:alice@${DOMAIN}>;tag=1234`,
    `To: <sip:bob@${DOMAIN}>`,
    'Call-ID: from-a-file@127.0.0.1',
    'CSeq: 1 MESSAGE',
    'Max-Forwards: 70',
    'Content-Type: text/plain',
    'Content-Length: 5',
    '',
    'hello',
  ]
  writeFileSync(file, lines.join('\r\n'))
  const { code, out } = await sipsak(...asAlice(box), '-f', file, '-s', `sip:bob@${DOMAIN}`)
  t.equal(code, 0)
  t.match(out, /SIP\/2\.0 202 Accepted/)
  const bob = await RealPhone.open({ user: 'bob', transport: 'udp', boxPort: box.sipPort })
  t.teardown(() => bob.close())
  t.equal(await bob.register(), 200)
  await until('it arrives', 10_000, () => bob.inbox.taken.length > 0)
  t.match(bob.inbox.taken, [{ callId: 'from-a-file@127.0.0.1', body: Buffer.from('hello') }])
})
