import t from 'tap'
import { boundaryOf, parseMultipart } from './content/multipart.ts'
import { value } from './sip-parser-lite/access.ts'
import { beside, chat, hangUp, keep, talk, Wire } from './testing/chat.ts'
import { fetchHistory, type GivenSend, HistoryInbox } from './testing/history-inbox.ts'
import { historyOf } from './testing/kept-history.ts'
import { LargeCall } from './testing/large-call.ts'
import { ALICE, BOB, type Scenario, say, scenario } from './testing/scenario.ts'
import { sendsIn } from './testing/sends.ts'
import { LOSSY } from './testing/simulated-network.ts'

/** Of a SEND on the wire what is not of one session only (C15). */
const plain = (send: Buffer): string => {
  const text = send.toString('latin1')
  const id = text.split(' ')[1]!
  const rest = text.slice(text.indexOf('\r\n', text.indexOf('\r\nFrom-Path:') + 2) + 2)
  return `${rest.slice(0, rest.lastIndexOf(`-------${id}`))}${text.at(-3)}`.replace(
    /^(Success|Failure)-Report: .*\r\n/gm,
    '',
  )
}

const plainGiven = ({ head, body, flag }: GivenSend): string => {
  const fields = head.fields.filter(({ name }) => !/^(to|from)-path$/i.test(name))
  const headers = fields.map(({ name, value: text }) => `${name}: ${text}\r\n`).join('')
  return `${headers}${head.hasBody ? `\r\n${body.toString('latin1')}\r\n` : ''}${flag}`
}

/** Wrapped SENDs, put together from their chunks. */
function messagesOf(sends: readonly GivenSend[]): { msrp: string; receipt: string }[] {
  const byId = new Map<string, GivenSend[]>()
  for (const send of sends) byId.set(send.head.messageId!, [...(byId.get(send.head.messageId!) ?? []), send])
  return [...byId.values()].map(chunks => {
    const body = Buffer.concat(chunks.map(chunk => chunk.body))
    const [msrp, receipt] = parseMultipart(body, boundaryOf(chunks[0]!.head.contentType!)!)
    return { msrp: msrp!.body.toString('latin1'), receipt: receipt!.body.toString('latin1') }
  })
}

/** Alice sends bob messages; both keep them. */
function kept(seed: string, count: number, options: Parameters<typeof scenario>[1] = {}): Scenario {
  const run = scenario(seed, options)
  for (const phone of [run.alice, run.bob]) keep(run, phone, { pager: true, session: true })
  const texts = Array.from({ length: count }, (_, index) => `text ${index + 1}`)
  if (say(run, texts).some(status => status !== 202)) throw new Error('not kept')
  return run
}

const wholeOf = ({ world, box }: Scenario, aor = BOB) => historyOf(world, box, aor)

t.test(
  'HIS-DLV-02, 03, 04, 07: 200 with sendonly and automata, one SEND for each message as it was received, BYE',
  async t => {
    const run = kept('messages', 40)
    for (const [phone, aor] of [
      [run.bob, BOB],
      [run.alice, ALICE],
    ] as const) {
      const inbox = new HistoryInbox(phone)
      const call = fetchHistory(run, phone)
      t.equal(call.status, 200)
      t.match(call.answer?.body.toString(), /\r\na=sendonly\r\n/)
      t.match(value(call.answer!, 'contact'), /;\+g\.oma\.sip-im;automata/)
      t.equal(call.ended, 'bye')
      const items = wholeOf(run, aor)
      t.equal(items.length, 40)
      t.equal(inbox.sends.length, 40)
      t.ok(inbox.sends.every(({ head, flag }) => flag === '$' && head.contentType?.startsWith('multipart/mixed;')))
      t.same(
        inbox.items.map(({ reference, parts }) => [reference, parts.map(({ type }) => type), parts[0]!.body]),
        items.map(({ reference, bytes }) => [reference, ['message/sip', 'message/sipfrag'], bytes]),
      )
      for (const [index, { parts }] of inbox.items.entries())
        t.match(parts[1]!.body.toString(), new RegExp(`^Date: .* GMT\r\nCall-ID: ${items[index]!.callId}\r\n$`))
    }
    t.match(run.box.engine.describe(), { history_fetch: { running: 0 } })
  },
)

t.test('HIS-DLV-05, 06, 07: a session is given SEND by SEND as its sides sent it, behind its heads', async t => {
  for (const faults of [undefined, LOSSY]) {
    const run = beside(`session ${faults?.loss}`, { ...(faults && { faults }), alice: { transport: 'tcp' } })
    const wire = new Wire(run, run.alice, run.bob)
    const both = chat(run, { headers: [['Subject', 'Lunch?']] })
    talk(run, both, ['one', 'two', 'x'.repeat(100_000)])
    hangUp(run, both.call)
    const said = [run.alice, run.bob].map(phone => sendsIn(wire.said(phone)).map(plain))
    const inbox = new HistoryInbox(run.bob)
    t.equal(fetchHistory(run, run.bob).ended, 'bye')
    const [item, ...others] = inbox.items
    t.same(others, [])
    t.same(
      item!.parts.map(({ body }) => body.toString().split('\r\n')[0]),
      ['INVITE sip:bob@example.org SIP/2.0', 'SIP/2.0 200 OK', 'BYE', 'Date'].map((start, index) =>
        index < 2 ? start : item!.parts[index]!.body.toString().split('\r\n')[0],
      ),
    )
    t.match(item!.parts[2]!.body.toString(), /^BYE /)
    t.match(item!.parts[3]!.body.toString(), /^Date: .*\r\nCall-ID: /)
    t.match(item!.parts[0]!.body.toString(), '\r\nSubject: Lunch?\r\n')
    const given = item!.sends.map(plainGiven)
    for (const sends of said)
      t.same(
        given.filter(each => sends.includes(each)),
        sends,
        'byte for byte, in order',
      )
    t.equal(given.length, said[0]!.length + said[1]!.length)
  }
})

t.test('HIS-STO-04: a client that asks for it is told who said what, and when', async t => {
  const run = beside('wrapped session', { alice: { transport: 'tcp' } })
  const wire = new Wire(run, run.alice, run.bob)
  const both = chat(run)
  talk(run, both, ['one', 'x'.repeat(100_000)])
  hangUp(run, both.call)
  const said = [run.alice, run.bob].flatMap(phone => sendsIn(wire.said(phone)).map(send => send.toString('latin1')))
  const inbox = new HistoryInbox(run.bob)
  const wish = { params: ';history-form=wrapped' }
  t.equal(fetchHistory(run, run.bob, wish).ended, 'bye')
  const whole = messagesOf(inbox.items[0]!.sends)
  t.same(whole.map(({ msrp }) => msrp).sort(), said.sort(), 'From-Path and all, byte for byte')
  t.ok(whole.every(({ receipt }) => /^Date: .* GMT\r\nCall-ID: /.test(receipt)))
  t.equal(
    fetchHistory(run, run.bob, { params: `${wish.params};history-type=session`, acceptTypes: 'text/plain' }).status,
    488,
  )
  t.equal(fetchHistory(run, run.bob, { params: ';history-form=rolled' }).status, 400)
})

t.test('HIS-DLV-06: a client that lists only what a session is made of is sent nothing else', async t => {
  const run = beside('bare session')
  const both = chat(run)
  talk(run, both, ['one'])
  hangUp(run, both.call)
  const inbox = new HistoryInbox(run.bob)
  t.equal(fetchHistory(run, run.bob, { acceptTypes: 'text/plain' }).ended, 'bye')
  t.same(inbox.sends.map(({ body }) => body.toString()).sort(), ['alice: one', 'bob: one'])
  t.ok(inbox.sends.every(({ head }) => head.contentType === 'text/plain'))
  t.equal(fetchHistory(run, run.bob, { acceptTypes: 'image/png' }).ended, 'bye')
  t.equal(inbox.sends.length, 2, 'RFC 4975 8.6')
  t.equal(run.box.counters.get('history_passed_over', 'unfit'), 2)
})

t.test('HIS-DLV-04: a large message is its INVITE and every SEND with all its headers, byte for byte', async t => {
  const run = kept('large', 1)
  const { world, alice, bob } = run
  const wire = new Wire(run, alice)
  const large = alice.act(now => new LargeCall(alice.phone, now, { to: BOB, headers: [['Subject', 'plans']] }))
  world.until(() => large.status === 200, 'the call')
  const sent = alice.act(now => large.send(now, Buffer.alloc(150_000, 'large\r\n'), 'image/png'))
  world.until(() => sent.outcome !== undefined, 'it is kept')
  alice.act(now => large.hangUp(now))
  world.pass(2000)
  const inbox = new HistoryInbox(bob)
  t.equal(fetchHistory(run, bob, { params: ';history-type=pager' }).ended, 'bye')
  t.equal(inbox.items.length, 2)
  const parts = inbox.items[1]!.parts
  t.match(parts[0], {
    type: 'message/sipfrag',
    body: /^INVITE sip:bob@example\.org SIP\/2\.0\r\n[\s\S]*\r\nSubject: plans\r\n/,
  })
  const msrp = parts.filter(({ type }) => type === 'message/msrp')
  t.ok(Buffer.concat(msrp.map(({ body }) => body)).equals(wire.said(alice)), 'To-Path, From-Path and all')
  t.equal(msrp.length, sendsIn(wire.said(alice)).length)
  t.match(parts.at(-1)!.body.toString(), /^Date: /)
  t.notMatch(Buffer.concat(parts.map(({ body }) => body)).toString('latin1'), /authorization/i)
})

t.test('docs/protocol.md history: who asked for privacy is named in nothing that is given', async t => {
  const run = kept('privacy', 0)
  const sent = run.alice.message({ to: BOB, body: 'guess who', headers: [['Privacy', 'id']] })
  run.world.until(() => sent.status === 202, 'kept')
  const inbox = new HistoryInbox(run.bob)
  fetchHistory(run, run.bob, { params: ';peer=anonymous' })
  const [item] = inbox.items
  t.notMatch(Buffer.concat(item!.parts.map(({ body }) => body)).toString('latin1'), 'alice@')
  t.match(item!.parts[0]!.body.toString(), 'guess who')
  t.equal(fetchHistory(run, run.bob, { params: ';peer=sip:alice%40example.org' }).status, 480, 'nor found by name')
})

t.test('RFC 6135 4.2: whoever connects, a history comes', async t => {
  for (const setup of ['active', 'passive', 'actpass', 'none'] as const) {
    const run = kept(`setup ${setup}`, 3)
    const inbox = new HistoryInbox(run.bob)
    t.equal(fetchHistory(run, run.bob, { setup }).ended, 'bye')
    t.equal(inbox.items.length, 3, setup)
  }
})

t.test('RFC 4975 14.4: a history comes over TLS, to whoever has the certificate of the offer', async t => {
  const bob = { transport: 'tls' } as const
  const run = kept('secure', 3, {
    bob,
    listen: 'sip_tls = "10.0.0.1:5061"\nmsrp_tls = "10.0.0.1:2856"',
  })
  const inbox = new HistoryInbox(run.bob)
  t.equal(fetchHistory(run, run.bob, { isSecure: 'lie' }).ended, 'bye')
  t.same(inbox.sends, [])
  t.equal(fetchHistory(run, run.bob, { isSecure: true }).ended, 'bye')
  t.equal(inbox.items.length, 3)
})
