import t from 'tap'
import { Counters } from '../../base/counters.ts'
import { silentLog } from '../../base/log.ts'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import { Timers } from '../../base/timers.ts'
import { MsrpEndpoint } from '../../msrp/endpoint.ts'
import type { CallSide } from '../../sip/relay-types.ts'
import type { SipMessage, SipRequest } from '../../sip-parser-lite/message.ts'
import { parseMessage } from '../../sip-parser-lite/parse.ts'
import type { HistoryItem } from '../../store/history.ts'
import type { StoreClient, Verb } from '../../store/verbs.ts'
import { SeededEntropy } from '../../testing/seeded-entropy.ts'
import { HistoryNotes } from '../history/history-notes.ts'
import { RecorderMemory } from '../history/history-recorder.ts'
import { OwnAddresses } from '../own-addresses.ts'
import { JoinedBranch } from './joined-branch.ts'

const ITEM = { kind: 'session', callId: 'c1', receivedAt: 0 as WallTime } as HistoryItem
const LIMITS = { quotaBytes: 1e9, dayBytes: 1e9, reserveBytes: 0, isActiveByDefault: true }
const LISTENERS = [{ transport: 'tcp' as const, endpoint: { address: '192.0.2.1', port: 2855 } }]
const SIDES = {
  caller: { transport: 'udp', address: '192.0.2.10', port: 5060 },
  callee: { transport: 'udp', address: '192.0.2.20', port: 5060 },
} as const

const sdp = (path: string | undefined, port = 9): string =>
  [
    'v=0',
    'o=- 1 1 IN IP4 192.0.2.99',
    's=-',
    'c=IN IP4 192.0.2.99',
    't=0 0',
    ...(path === undefined ? ['m=audio 9 RTP/AVP 0'] : [`m=message ${port} TCP/MSRP *`, `a=path:${path}`]),
    '',
  ].join('\r\n')

interface Said {
  readonly method?: string
  readonly tag?: string
  readonly headers?: readonly string[]
  readonly body?: string
}

const text = (start: string, { tag, method = 'INVITE', headers = [], body = '' }: Said): string =>
  [
    start,
    'Via: SIP/2.0/UDP a;branch=z9hG4bK1',
    'From: <sip:a@a>;tag=1',
    `To: <sip:b@b>${tag === undefined ? '' : `;tag=${tag}`}`,
    'Call-ID: c1',
    `CSeq: 1 ${method}`,
    ...(body && !headers.some(each => each.startsWith('Content-Type')) ? ['Content-Type: application/sdp'] : []),
    ...headers,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')

const request = (method: string, said: Said = {}): SipRequest =>
  parseMessage(Buffer.from(text(`${method} sip:b@b SIP/2.0`, { method, ...said }))) as SipRequest
const response = (status: number, said: Said = {}): SipMessage =>
  parseMessage(Buffer.from(text(`SIP/2.0 ${status} X`, said)))

const OFFER = 'msrp://192.0.2.10:2855/caller;tcp'
const ANSWER = 'msrp://192.0.2.20:2855/callee;tcp'

/** One branch over a real MSRP endpoint whose connections never come to stand. */
class Call {
  readonly timers = new Timers()
  readonly counters = new Counters()
  readonly connected: string[] = []
  readonly asked: Verb[] = []
  readonly closed: Record<string, unknown>[] = []
  readonly branch: JoinedBranch
  readonly msrp: MsrpEndpoint
  at = 0
  streams = 0
  isOver = false

  constructor() {
    const { timers, counters } = this
    const entropy = new SeededEntropy(1)
    const outputs = {
      transmit() {},
      connect: ({ remote }: { remote: { address: string } }) => void this.connected.push(remote.address),
      close() {},
      hold() {},
    }
    const hostname = '192.0.2.1'
    this.msrp = new MsrpEndpoint({ hostname, listeners: LISTENERS, timers, entropy, outputs, counters, log: silentLog })
    const ask: StoreClient['ask'] = (verb, asked, done) => {
      this.asked.push(verb)
      if (verb === 'history.close') this.closed.push(asked as unknown as Record<string, unknown>)
      const value =
        verb === 'history.open' ? { record: 1, outcomes: [] } : verb === 'history.append' ? 'kept' : 'closed'
      const answer = done as unknown as (now: Now, result: object) => void
      timers.set('store', this.now.at, now => answer(now, { value }))
    }
    const store = { ask }
    const context = {
      recorder: {
        store,
        timers,
        counters,
        log: silentLog,
        limits: LIMITS,
        memory: new RecorderMemory(),
        notes: new HistoryNotes({ counters, log: silentLog }),
      },
      msrp: this.msrp,
      own: new OwnAddresses(hostname, [], LISTENERS),
      resolver: { ask() {} },
      enter: () => {
        this.streams++
        return () => void this.streams--
      },
    }
    const call = {
      subject: { kind: 'session' as const, owners: [], item: () => ITEM },
      callId: 'c1',
      head: Buffer.from('I'),
    }
    this.branch = new JoinedBranch(context, call, SIDES, () => {
      this.isOver = true
    })
  }

  get now(): Now {
    return { at: this.at as Instant, wall: this.at as WallTime, isWallTrusted: true }
  }

  /** Lets a message pass; gives the path in it. */
  pass(message: SipMessage, from: CallSide, tag?: string, to?: SipRequest): string | undefined {
    this.branch.pass(this.now, message, from, tag, to)
    return /^a=path:(.*)\r$/m.exec(message.body.toString())?.[1]
  }

  /** Calls and answers; the paths that each side was given. */
  answered(offer = OFFER, answer = ANSWER): { callee: string; caller: string } {
    const invite = request('INVITE', { body: sdp(offer) })
    const callee = this.pass(invite, 'caller')!
    const caller = this.pass(response(200, { tag: 'x', body: sdp(answer) }), 'callee', 'x', invite)!
    return { callee, caller }
  }

  wait(ms: number): void {
    for (const end = this.at + ms; ; ) {
      const next = this.timers.next()
      if (next === undefined || next > end) {
        this.at = end
        return
      }
      this.at = next
      this.timers.fire(this.now)
    }
  }
}

const OURS = 'msrp://192.0.2.1:2855/[a-z2-7]+;tcp'

t.test('RFC 3264 an offer and its answer lead through the box, and nothing else in them changes', async t => {
  const call = new Call()
  const { callee, caller } = call.answered()
  t.match(callee, new RegExp(`^${OURS} ${OFFER}$`))
  t.match(caller, new RegExp(`^${OURS} ${ANSWER}$`))
  t.not(callee.split(' ')[0], caller.split(' ')[0])
  t.same(call.connected, ['192.0.2.20'], 'the answerer waits, so the box connects as the offerer would')
  const again = request('INVITE', { body: sdp(OFFER) })
  t.equal(
    call.pass(response(200, { tag: 'x', body: sdp(ANSWER) }), 'callee', 'x', again),
    caller,
    'a 2xx that comes again',
  )
  t.same(call.asked, ['history.open'])
})

t.test('RFC 3261 13.2.1 an INVITE without an offer: the 200 has it, and the ACK the answer', async t => {
  const call = new Call()
  const invite = request('INVITE')
  call.pass(invite, 'caller')
  t.match(
    call.pass(response(200, { tag: 'x', body: sdp(ANSWER) }), 'callee', 'x', invite),
    new RegExp(`^${OURS} ${ANSWER}$`),
  )
  t.same(call.asked, [], 'nothing is agreed yet')
  const ack = (): SipRequest => request('ACK', { tag: 'x', body: sdp(OFFER) })
  const path = call.pass(ack(), 'caller', 'x')
  t.match(path, new RegExp(`^${OURS} ${OFFER}$`))
  t.equal(call.pass(ack(), 'caller', 'x'), path, 'an ACK that comes again')
  t.same(call.asked, ['history.open'])
  t.same(call.connected, ['192.0.2.10'], 'RFC 6135 4.2: the offerer of the 200 connects')
})

t.test('RFC 3262 5 an answer in a reliable 183 counts when the 2xx of the same phone comes', async t => {
  const call = new Call()
  const invite = request('INVITE', { body: sdp(OFFER) })
  call.pass(invite, 'caller')
  t.match(call.pass(response(183, { tag: 'x', body: sdp(ANSWER) }), 'callee', 'x', invite), new RegExp(OURS))
  t.same(call.connected, [])
  call.pass(response(200, { tag: 'x' }), 'callee', 'x', invite)
  t.same(call.connected, ['192.0.2.20'])
  t.same(call.asked, ['history.open'])
})

t.test('RFC 3261 13.2.2.4 behind one target several phones ring: the first 2xx has the session', async t => {
  const call = new Call()
  const invite = request('INVITE', { body: sdp(OFFER) })
  call.pass(invite, 'caller')
  call.pass(response(183, { tag: 'x', body: sdp('msrp://192.0.2.21:1/x;tcp') }), 'callee', 'x', invite)
  const won = call.pass(response(200, { tag: 'y', body: sdp(ANSWER) }), 'callee', 'y', invite)
  t.match(won, new RegExp(`^${OURS} ${ANSWER}$`))
  t.same(call.connected, ['192.0.2.20'])
  t.same([call.branch.takes('y'), call.branch.takes('x')], [true, false], 'no path of ours leads to the other')
  call.branch.ended(call.now, 'x', 'bye')
  t.notOk(call.isOver, 'the end of the other is none of it')
})

t.test(
  'RFC 3261 13.2.2.4 without an offer in the INVITE each phone makes its own: the second goes end to end',
  async t => {
    const call = new Call()
    const invite = request('INVITE')
    call.pass(invite, 'caller')
    call.pass(response(200, { tag: 'y', body: sdp(ANSWER) }), 'callee', 'y', invite)
    const late = 'msrp://192.0.2.21:1/x;tcp'
    t.ok(call.branch.takes('x'))
    t.equal(call.pass(response(200, { tag: 'x', body: sdp(late) }), 'callee', 'x', invite), late, 'untouched')
    t.equal(call.counters.get('history_not_recorded', 'a second phone behind the same address'), 1)
    const early = new Call()
    early.pass(invite, 'caller')
    early.pass(response(183, { tag: 'y', body: sdp(ANSWER) }), 'callee', 'y', invite)
    early.pass(request('PRACK', { tag: 'y', body: sdp(OFFER) }), 'caller', 'y')
    early.pass(request('UPDATE', { tag: 'y', body: sdp(OFFER) }), 'caller', 'y')
    early.pass(response(200, { tag: 'y' }), 'callee', 'y', invite)
    t.ok(early.branch.takes('x'), 'what was offered before the 2xx was to one of them alone')
  },
)

t.test('RFC 3264 8.3 another path is another MSRP session; refused, the old one stands', async t => {
  for (const side of ['caller', 'callee'] as const) {
    const call = new Call()
    const { callee } = call.answered()
    const moved = 'msrp://192.0.2.77:2855/moved;tcp'
    const [from, to] = side === 'caller' ? (['caller', 'callee'] as const) : (['callee', 'caller'] as const)
    const invite = (): SipRequest => request('INVITE', { tag: 'x', body: sdp(moved) })
    const path = call.pass(invite(), from, 'x')!
    t.match(path, new RegExp(`^${OURS} ${moved}$`))
    t.not(path.split(' ')[0], callee.split(' ')[0])
    t.equal(call.streams, 2)
    call.pass(response(488, { tag: 'x' }), to, 'x', invite())
    t.equal(call.streams, 1, 'refused')
    call.pass(invite(), from, 'x')
    call.pass(response(200, { tag: 'x', body: sdp(side === 'caller' ? ANSWER : OFFER) }), to, 'x', invite())
    t.equal(call.streams, 1, 'taken: the old one is closed')
    t.same(call.asked, ['history.open'], 'and it is one record')
  }
})

t.test('RFC 3311 UPDATE as a refresh changes nothing; messages added to a call later are joined', async t => {
  const call = new Call()
  const { callee, caller } = call.answered()
  const update = request('UPDATE', { tag: 'x', body: sdp(OFFER) })
  t.equal(call.pass(update, 'caller', 'x'), callee)
  t.equal(call.pass(response(200, { tag: 'x', body: sdp(ANSWER) }), 'callee', 'x', update), caller)
  t.equal(call.streams, 1)

  const audio = new Call()
  const invite = request('INVITE', { body: sdp(undefined) })
  audio.pass(invite, 'caller')
  audio.pass(response(200, { tag: 'x', body: sdp(undefined) }), 'callee', 'x', invite)
  t.same([audio.streams, audio.asked], [0, []])
  const chat = request('INVITE', { tag: 'x', body: sdp(ANSWER) })
  t.match(audio.pass(chat, 'callee', 'x'), new RegExp(`^${OURS} ${ANSWER}$`))
  t.match(
    audio.pass(response(200, { tag: 'x', body: sdp(OFFER) }), 'caller', 'x', chat),
    new RegExp(`^${OURS} ${OFFER}$`),
  )
  t.same([audio.streams, audio.asked], [1, ['history.open']])
})

t.test('what cannot be joined goes as it is, and is counted', async t => {
  const cases: [string, string][] = [
    ['MSRP over something else than TCP', sdp('msrp://192.0.2.10:1/x;ws')],
    ['several streams of messages', `${sdp(OFFER)}m=message 9 TCP/MSRP *\r\na=path:${OFFER}\r\n`],
    ['no MSRP listener for tls here', sdp(OFFER).replace('TCP/MSRP', 'TCP/TLS/MSRP')],
    ['the offer has no a=path', sdp('').replace(/a=path.*\r\n/, '')],
  ]
  for (const [why, body] of cases) {
    const call = new Call()
    const invite = request('INVITE', { body })
    call.pass(invite, 'caller')
    t.equal(invite.body.toString(), body)
    t.equal(call.counters.get('history_not_recorded', why), 1, why)
    const ok = response(200, { tag: 'x', body: sdp(ANSWER) })
    t.equal(call.pass(ok, 'callee', 'x', invite), ANSWER)
    call.branch.ended(call.now, 'x', 'bye')
    t.same([call.streams, call.asked, call.isOver], [0, [], true])
  }
})

t.test('a stream that is refused leaves nothing, and garbage is not looked at', async t => {
  const call = new Call()
  const invite = request('INVITE', { body: sdp(OFFER) })
  call.pass(invite, 'caller')
  call.pass(response(200, { tag: 'x', body: sdp(ANSWER, 0) }), 'callee', 'x', invite)
  t.same([call.streams, call.asked], [0, []])
  for (const body of ['', 'v=0', 'rubbish', sdp(OFFER).replace('v=0', 'v=1')]) {
    const other = new Call()
    const odd = request('INVITE', { body })
    other.pass(odd, 'caller')
    t.same([odd.body.toString(), other.streams], [body, 0])
  }
})

t.test('nothing that a phone writes into a response is more than passed on', async t => {
  const entropy = new SeededEntropy('odd')
  for (let round = 0; round < 300; round++) {
    const call = new Call()
    const invite = request('INVITE', { body: sdp(OFFER) })
    call.pass(invite, 'caller')
    const body = Buffer.from(sdp(ANSWER))
    for (let flips = 0; flips < 6; flips++) body[entropy.below(body.length)] = entropy.below(256)
    const type = ['application/sdp', ';;', 'multipart/mixed', 'multipart/mixed;boundary=b', '"'][round % 5]!
    const odd = response(200, { tag: 'x', headers: [`Content-Type: ${type}`], body: body.toString('latin1') })
    call.pass(odd, 'callee', 'x', invite)
    call.pass(request('BYE', { tag: 'x' }), 'caller', 'x')
    call.branch.ended(call.now, 'x', 'bye')
    call.wait(10_000)
    t.same([call.streams, call.isOver], [0, true])
  }
})

t.test('RFC 5621 of a body of several parts only the description changes', async t => {
  const call = new Call()
  const before = '--b\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--b\r\nContent-Type: application/sdp\r\n\r\n'
  const after = '\r\n--b\r\nContent-Type: message/cpim\r\n\r\nlast\r\n--b--'
  const headers = ['Content-Type: multipart/mixed;boundary=b']
  const invite = request('INVITE', { headers, body: before + sdp(OFFER) + after })
  t.match(call.pass(invite, 'caller'), new RegExp(`^${OURS} ${OFFER}$`))
  const body = invite.body.toString()
  t.ok(body.startsWith(before) && body.endsWith(after))
})

t.test(
  'HIS-STO-05 a record ends with the BYE, with the silence of both, or with the fork; never not at all',
  async t => {
    const ended = new Call()
    ended.answered()
    ended.pass(request('BYE', { tag: 'x' }), 'callee', 'x')
    ended.branch.ended(ended.now, 'x', 'bye')
    t.notOk(ended.isOver, 'what was said before the BYE may still be on its way')
    ended.wait(2000)
    t.ok(ended.isOver)
    t.match(ended.closed, [{ keep: true, heads: { invite: Buffer, answer: Buffer, bye: Buffer } }])
    t.notOk(ended.closed[0]!.state)

    const silent = new Call()
    silent.answered()
    silent.wait(60_000)
    t.same([silent.streams, silent.closed.length], [0, 0], 'nobody connected')
    silent.pass(request('INFO', { tag: 'x' }), 'caller', 'x')
    silent.wait(599_000)
    t.same(silent.closed, [], 'somebody was heard')
    silent.wait(2000)
    t.match(silent.closed, [{ state: 'interrupted' }])
    silent.branch.ended(silent.now, 'x', 'silence')
    t.ok(silent.isOver)

    const forgotten = new Call()
    forgotten.answered()
    forgotten.branch.ended(forgotten.now, 'x', 'silence')
    t.notOk(forgotten.isOver, 'its messages may still come')
    forgotten.wait(60_000)
    t.ok(forgotten.isOver, 'none did')
    t.match(forgotten.closed, [{ state: 'interrupted' }])

    const lost = new Call()
    lost.pass(request('INVITE', { body: sdp(OFFER) }), 'caller')
    t.equal(lost.streams, 1)
    lost.branch.failed(lost.now)
    t.same([lost.isOver, lost.streams, lost.asked], [true, 0, []])
  },
)
