import t from 'tap'
import type { Outcome } from './message.ts'
import { answersTo, headersIn, joined, Owner, Pair, Side } from './simulated.fixture.ts'
import type { WholeSend } from './whole-send.ts'

const HEADERS = 'Message-ID: abcd1\r\nX-Any:   \xe9 \r\nByte-Range: 5-*/*\r\nContent-Type: text/plain\r\n'

/** Both ends of a session, and what goes from the first to the second. */
function trial() {
  const pair = new Pair()
  const ends = joined(pair)
  pair.settle()
  const outcomes: Outcome[] = []
  const give = (send: WholeSend) =>
    ends.active.session.sendWhole(pair.a.now, send, (_now, outcome) => void outcomes.push(outcome))
  return { pair, ...ends, outcomes, give }
}

t.test(
  'HIS-DLV-06 C15: every octet of the headers and the body as given, paths and transaction id of this session',
  async t => {
    const { pair, active, passive, outcomes, give } = trial()
    const body = [Buffer.from('a\r\n-----'), Buffer.from('--x$\r\n\xff', 'latin1')]
    give({ headers: HEADERS, body, flag: '+' })
    const heard = pair.a.heard()
    const paths = `To-Path: ${passive.session.localPath}\r\nFrom-Path: ${active.session.localPath}\r\n`
    const id = heard.split(' ')[1]
    t.equal(heard, `MSRP ${id} SEND\r\n${paths}${HEADERS}\r\na\r\n-------x$\r\n\xff\r\n-------${id}+\r\n`)
    t.same(outcomes, [])
    t.equal(active.session.outstanding, 1)
  },
)

t.test('one without a body has no empty line', async t => {
  const { pair, give } = trial()
  give({ headers: 'Message-ID: abcd1\r\n', flag: '#' })
  t.match(pair.a.heard(), /\r\nMessage-ID: abcd1\r\n-------\S+#\r\n$/)
})

t.test(
  'in their order among messages of our own, each with its own answer, the same Message-ID any number of times',
  async t => {
    const { pair, active, passive, outcomes, give } = trial()
    active.send('mess1', 'x'.repeat(3000))
    for (const [at, flag] of (['+', '+', '$'] as const).entries())
      give({
        headers: `Message-ID: abcd1\r\nByte-Range: ${at + 1}-*/3\r\nContent-Type: text/plain\r\n`,
        body: [Buffer.from(String(at))],
        flag,
      })
    active.send('mess2', 'last')
    pair.settle()
    t.same(
      passive.messages.map(({ messageId, body }) => `${messageId} ${body.length}`),
      ['mess1 3000', 'abcd1 3', 'mess2 4'],
    )
    t.same(outcomes, [{ status: 200 }, { status: 200 }, { status: 200 }])
    t.equal(active.session.outstanding, 0)
  },
)

t.test('what the peer refuses, and what it never answered, is told once; no other chunk ends with it', async t => {
  const { pair, active, passive, outcomes, give } = trial()
  passive.status = 413
  give({ headers: HEADERS.replace('5-*', '1-*'), body: [Buffer.from('x')], flag: '$' })
  pair.settle()
  t.match(outcomes, [{ status: 413 }])
  give({ headers: HEADERS, body: [Buffer.from('x')], flag: '+' })
  pair.a.heard()
  active.session.close(pair.a.now)
  t.match(outcomes, [{ status: 413 }, { closed: 'closed' }])
  give({ headers: HEADERS, flag: '$' })
  t.match(outcomes[2], { closed: 'the session is over' })
})

t.test('HIS-DLV-01 RFC 4976: the whole path of the peer goes into To-Path', async t => {
  const [relay, peer] = ['msrp://192.0.2.9:9000/relay1;tcp', 'msrp://10.1.1.1:7000/bob12345;tcp']
  const side = new Side()
  const owner = new Owner(side)
  owner.session.start(side.now, { remotePath: [relay, peer], role: 'active' })
  side.say(side.connected[0]!, answersTo(side.heard()))
  owner.session.sendWhole(side.now, { headers: HEADERS, body: [Buffer.from('x')], flag: '$' }, () => {})
  t.strictSame(headersIn(side.heard(), 'To-Path'), [`${relay} ${peer}`])
})
