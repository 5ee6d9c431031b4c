import t from 'tap'
import { Counters } from '../base/counters.ts'
import type { Now } from '../base/time.ts'
import { Timers } from '../base/timers.ts'
import { addFirst, addLast, value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { atSecond, exampleFlow, exampleRequest } from '../testing/sip-examples.ts'
import { Forwarder, type ForwardLayer, type ForwardOutcome, type ForwardTarget } from './forward.ts'

type Events = Parameters<ForwardLayer['request']>[3]

const OWN_VIA = 'SIP/2.0/UDP edge1.example.org;branch=z9hG4bKown'

const target = (uri: string, ...routes: string[]): ForwardTarget => ({ uri, routes, to: exampleFlow })

/** Forwards to the targets; each copy sent is kept with the events that its transaction would call. */
function setUp(targets: readonly ForwardTarget[], request = exampleRequest('MESSAGE', 'sip:bob@example.org')) {
  const sent: { request: SipRequest; events: Events }[] = []
  const timers = new Timers()
  const counters = new Counters()
  const layer: ForwardLayer = {
    request: (_now, copy, _to, events) => {
      addFirst(copy, 'Via', OWN_VIA)
      sent.push({ request: copy, events })
      return { abandon() {} }
    },
  }
  const answers: (SipResponse | 'no answer')[] = []
  const late: string[] = []
  let outcomes: readonly ForwardOutcome[] = []
  const forwarder = new Forwarder({ layer, timers, counters })
  const start = (now: Now): void =>
    forwarder.forward(now, request, targets, 10_000, {
      onAnswer: (_then, answer, all) => {
        answers.push(answer)
        outcomes = all
      },
      onLate2xx: (_then, response, { uri }) => late.push(`${response.status} ${uri}`),
    })
  start(atSecond(0))
  const respond = (index: number, status: number, second = 1): void => {
    const { request: copy, events } = sent[index]!
    events.onResponse(atSecond(second), responseTo(copy, status, undefined, `t${index}`))
  }
  const statuses = (): (number | string)[] => answers.map(answer => (answer === 'no answer' ? answer : answer.status))
  const kinds = (): string[] => outcomes.map(({ kind }) => kind)
  return { sent, timers, counters, forwarder, answers, statuses, late, kinds, respond, request }
}

const two = [target('sip:bob@192.0.2.1'), target('sip:bob@192.0.2.2')]

t.test(
  'RFC 3261 16.6: a copy per target with its Request-URI and one hop less; the original stays as it was',
  async t => {
    const body = 'h\u00e4'
    const request = exampleRequest('MESSAGE', 'sip:bob@example.org', ['X-Foo: 1', 'Content-Type: text/plain'], body)
    const before = [...request.headers]
    const { sent } = setUp(two, request)
    t.same(
      sent.map(({ request: { uri } }) => uri),
      ['sip:bob@192.0.2.1', 'sip:bob@192.0.2.2'],
    )
    for (const { request: copy } of sent) {
      t.equal(value(copy, 'max-forwards'), '69')
      t.equal(value(copy, 'x-foo'), '1')
      t.equal(copy.body, request.body)
      t.equal(values(copy, 'via').length, 2)
    }
    t.same(request.headers, before)
    t.equal(request.uri, 'sip:bob@example.org')
  },
)

t.test('RFC 3261 16.6 step 3: a request without Max-Forwards gets 70', async t => {
  const request = exampleRequest('MESSAGE', 'sip:bob@example.org')
  request.headers = request.headers.filter(({ key }) => key !== 'max-forwards')
  t.equal(value(setUp([two[0]!], request).sent[0]!.request, 'max-forwards'), '70')
})

t.test('RFC 3327 5.4: the Path is the Route, and no other Route remains', async t => {
  const request = exampleRequest('MESSAGE', 'sip:bob@example.org', ['Route: <sip:elsewhere;lr>'])
  const { sent } = setUp([target('sip:bob@192.0.2.1', '<sip:p2;lr>', '<sip:p1;lr>'), two[1]!], request)
  t.same(values(sent[0]!.request, 'route'), ['<sip:p2;lr>', '<sip:p1;lr>'])
  t.equal(sent[0]!.request.uri, 'sip:bob@192.0.2.1')
  t.same(values(sent[1]!.request, 'route'), [])
})

t.test('RFC 3261 16.6 step 6: a strict router becomes the Request-URI', async t => {
  const { sent } = setUp([target('sip:bob@192.0.2.1', '<sip:strict>', '<sip:p1;lr>')])
  t.equal(sent[0]!.request.uri, 'sip:strict')
  t.same(values(sent[0]!.request, 'route'), ['<sip:p1;lr>', '<sip:bob@192.0.2.1>'])
})

t.test('RFC 3261 19.1.1: headers and method of a contact stay out of the Request-URI', async t => {
  const { sent } = setUp([target('sip:b?b;method=x@192.0.2.1;method=BYE;ob?Route=%3Csip:evil%3E')])
  t.equal(sent[0]!.request.uri, 'sip:b?b;method=x@192.0.2.1;ob')
})

t.test('RFC 3261 16.7 step 5: the first 2xx is the answer and ends the waiting', async t => {
  const { statuses, respond, kinds, late, timers, forwarder } = setUp(two)
  respond(1, 100)
  respond(1, 404)
  t.same(statuses(), [])
  respond(0, 200)
  t.same(statuses(), [200])
  t.same(kinds(), ['answered', 'answered'])
  t.equal(timers.size, 0)
  t.same(forwarder.describe(), { open: 0 })
  t.same(late, [])
})

t.test('RFC 3261 16.7 step 5: a second 2xx is not another answer', async t => {
  const { statuses, respond, late } = setUp(two)
  respond(0, 202)
  respond(1, 200)
  t.same(statuses(), [202])
  t.same(late, [])
})

t.test(
  'RFC 3261 16.7 steps 3 and 9: the response goes back by the Vias of the request, ours and forged ones left out',
  async t => {
    const { sent, answers, request } = setUp([two[0]!])
    const response = responseTo(sent[0]!.request, 200, undefined, 'x')
    addLast(response, 'Via', 'SIP/2.0/UDP victim.example.net;branch=z9hG4bKv')
    addLast(response, 'X-Foo', '1')
    sent[0]!.events.onResponse(atSecond(1), response)
    const answer = answers[0] as SipResponse
    t.same(values(answer, 'via'), values(request, 'via'))
    t.equal(value(answer, 'x-foo'), '1')
  },
)

t.test('RFC 3261 16.7 step 6: when all have refused, the best of it', async t => {
  const { statuses, respond } = setUp(two)
  respond(0, 500)
  respond(1, 404)
  t.same(statuses(), [404])
})

t.test('the limit: silence is no answer, and a later 2xx is told once', async t => {
  const { statuses, respond, late, timers, kinds, counters } = setUp([...two, target('sip:bob@192.0.2.3')])
  timers.fire(atSecond(9.9))
  t.same(statuses(), [])
  timers.fire(atSecond(10))
  t.same(statuses(), ['no answer'])
  t.same(kinds(), ['waiting', 'waiting', 'waiting'])
  respond(2, 404, 11)
  respond(1, 200, 12)
  respond(0, 200, 13)
  t.same(late, ['200 sip:bob@192.0.2.2'])
  t.same(statuses(), ['no answer'])
  t.equal(counters.get('forwards', 'no answer'), 1)
  t.equal(counters.get('forwards', 'late 2xx'), 1)
})

t.test('the limit: one silent device outweighs the refusal of another, but not a 6xx', async t => {
  const refused = setUp(two)
  refused.respond(0, 404)
  refused.timers.fire(atSecond(10))
  t.same(refused.statuses(), ['no answer'])
  t.same(refused.kinds(), ['answered', 'waiting'])
  const declined = setUp(two)
  declined.respond(0, 603)
  t.same(declined.statuses(), [], 'a 2xx may still come')
  declined.timers.fire(atSecond(10))
  t.same(declined.statuses(), [603])
  declined.respond(1, 200, 11)
  t.same(declined.late, ['200 sip:bob@192.0.2.2'])
})

t.test('RFC 3261 16.8, 16.9: timeouts and transport errors are no answers, and told apart', async t => {
  const { sent, statuses, kinds, timers } = setUp(two)
  sent[0]!.events.onTransportError(atSecond(1), 'refused')
  t.same(statuses(), [])
  sent[1]!.events.onTimeout(atSecond(2))
  t.same(statuses(), ['no answer'])
  t.same(kinds(), ['unreachable', 'timeout'])
  t.equal(timers.size, 0)
})

t.test('a transaction that ends twice counts once', async t => {
  const { sent, statuses, respond } = setUp([two[0]!])
  respond(0, 486)
  sent[0]!.events.onTimeout(atSecond(32))
  respond(0, 200, 33)
  t.same(statuses(), [486])
})

t.test('no target is no answer at once', async t => {
  const { statuses, timers } = setUp([])
  t.same(statuses(), ['no answer'])
  t.equal(timers.size, 0)
})

t.test('a transport that fails at once is reported as any other', async t => {
  const timers = new Timers()
  const layer: ForwardLayer = {
    request: (now, _copy, _to, events) => {
      events.onTransportError(now, 'no way')
      return { abandon() {} }
    },
  }
  const answers: unknown[] = []
  new Forwarder({ layer, timers, counters: new Counters() }).forward(
    atSecond(0),
    exampleRequest('MESSAGE', 'sip:bob@example.org'),
    two,
    10_000,
    { onAnswer: (_now, answer) => answers.push(answer) },
  )
  t.same(answers, ['no answer'])
})
