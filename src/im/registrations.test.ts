import t from 'tap'
import { BOB, type Scenario, scenario } from '../testing/scenario.ts'

interface Asked {
  readonly cseq?: number
  readonly contact?: string
}

/** A REGISTER of bob's as its bytes stand in the client, sent once; gives the status of the answer. */
function register({ world, bob }: Scenario, { cseq = 1, contact = `<sip:bob@${bob.address}>` }: Asked = {}): string {
  const lines = [
    'REGISTER sip:example.org SIP/2.0',
    `Via: SIP/2.0/UDP ${bob.address}:5060;branch=z9hG4bK-${cseq}`,
    'Max-Forwards: 70',
    `From: <${BOB}>;tag=b1`,
    `To: <${BOB}>`,
    'Call-ID: bobs-phone',
    `CSeq: ${cseq} REGISTER`,
    `Contact: ${contact}`,
    'Expires: 3600',
    'Content-Length: 0',
  ]
  let status = ''
  world.network.onTransmit = (_from, flow, bytes) => {
    if (flow.remote.address === bob.address && bytes.includes(' REGISTER\r\n')) status = bytes.toString().slice(8, 11)
  }
  bob.act(now => bob.phone.raw(now, Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)))
  world.until(() => status !== '', 'an answer')
  return status
}

t.test('RFC 3261 10.3: a REGISTER repeated over a restart of the box is answered as it was', async t => {
  const run = scenario('repeated', { config: '[auth]\ndigest = false\n' })
  const { world, box } = run
  t.equal(register(run, { cseq: 7 }), '200')
  const before = world.ask(box, 'bindings.get', { aor: BOB })
  box.crashFor(1000)
  world.pass(2000)
  t.equal(register(run, { cseq: 7 }), '200')
  t.same(world.ask(box, 'bindings.get', { aor: BOB }), before, 'nothing was written for it')
  t.equal(register(run, { cseq: 6 }), '500', 'one from before it is out of order')
  t.same(world.ask(box, 'bindings.get', { aor: BOB }), before)
})

t.test('RFC 3261 10.3: two contacts on two hosts in one REGISTER: both phones get the message', async t => {
  const run = scenario('two hosts', { config: '[auth]\ndigest = false\n' })
  const { world, bob, alice } = run
  const tablet = world.phone('bob', { address: '10.0.2.7' })
  const contact = `<sip:bob@${bob.address}>, <sip:bob@${tablet.address}>`
  t.equal(register(run, { contact }), '200')
  const sent = alice.message({ to: BOB, body: 'to both' })
  world.until(() => sent.status !== undefined, 'an answer')
  world.pass(1000)
  t.same([bob.texts, tablet.texts], [['to both'], ['to both']])
})
