import t from 'tap'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import { values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { toTag } from '../sip-parser-lite/typed.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { atSecond, exampleFlow, exampleRegister } from '../testing/sip-examples.ts'
import type { Binding } from './binding.ts'
import { type Bindings, type BindingsFailure, Registrar } from './registrar.ts'

const BOB = 'sip:bob@example.org'

/** A store in plain variables; what is asked is answered by `settle`, so that requests can overtake one another. */
class ShelfOfBindings implements Bindings {
  version = 0
  bindings: readonly Binding[] = []
  readonly failures: (BindingsFailure | 'unknown' | undefined)[] = []
  #waiting: (() => void)[] = []
  saves = 0

  load(now: Now, _aor: string, done: Parameters<Bindings['load']>[2]): void {
    this.#waiting.push(() => {
      const failure = this.failures.shift()
      if (failure && failure !== 'unknown') done(now, failure)
      else done(now, { version: this.version, bindings: this.bindings })
    })
  }

  save(
    now: Now,
    _aor: string,
    version: number,
    bindings: readonly Binding[],
    done: Parameters<Bindings['save']>[4],
  ): void {
    this.#waiting.push(() => {
      this.saves++
      const failure = this.failures.shift()
      if (failure) return done(now, failure)
      if (version !== this.version) return done(now, 'conflict')
      this.version++
      this.bindings = bindings
      done(now, 'saved')
    })
  }

  settle(): void {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next()
  }
}

function setUp() {
  const shelf = new ShelfOfBindings()
  const counters = new Counters()
  const happened: string[] = []
  const registrar = new Registrar({
    bindings: shelf,
    entropy: new SeededEntropy('registrar'),
    counters,
    log: silentLog,
    onRegistered: (_now, { aor, event, binding }) => happened.push(`${event} ${aor} ${binding.contact}`),
  })
  const responses: SipResponse[] = []
  const begin = (request: SipRequest, isThirdParty = false): void => {
    const respond = (_now: Now, response: SipResponse): void => {
      happened.push(`answered ${response.status}`)
      responses.push(response)
    }
    const transaction = { request, flow: exampleFlow, respond }
    if (isThirdParty) registrar.registerThirdParty(atSecond(0), transaction, BOB)
    else registrar.register(atSecond(0), transaction, BOB)
  }
  const ask = (request: SipRequest, isThirdParty = false): SipResponse => {
    begin(request, isThirdParty)
    shelf.settle()
    return responses.at(-1)!
  }
  return { shelf, counters, happened, begin, ask, responses }
}

const seq = (cseq: number): string => `CSeq: ${cseq} REGISTER`

t.test('RFC 3261 10.3 step 8: the 200 lists every contact with its expires, and has Date and a To tag', async t => {
  const { ask } = setUp()
  ask(exampleRegister('Contact: <sip:bob@a>;+g.oma.sip-im'))
  const response = ask(exampleRegister('Contact: <sip:bob@b>;expires=60', seq(2)))
  t.equal(response.status, 200)
  t.same(values(response, 'contact'), ['<sip:bob@a>;+g.oma.sip-im;expires=3600', '<sip:bob@b>;expires=60'])
  t.same(values(response, 'date'), ['Sun, 01 Mar 2026 12:00:00 GMT'])
  t.ok(toTag(response))
})

t.test('DM-DLV-01: what changed is told after the 200 was handed over', async t => {
  const { ask, happened } = setUp()
  ask(exampleRegister('Contact: <sip:bob@a>'))
  ask(exampleRegister('Contact: <sip:bob@a>', seq(2)))
  ask(exampleRegister('Contact: <sip:bob@a>;expires=0', seq(3)))
  t.same(happened, [
    'answered 200',
    `registered ${BOB} sip:bob@a`,
    'answered 200',
    `refreshed ${BOB} sip:bob@a`,
    'answered 200',
    `removed ${BOB} sip:bob@a`,
  ])
})

t.test('the 200 waits for the store', async t => {
  const { shelf, begin, responses } = setUp()
  begin(exampleRegister('Contact: <sip:bob@a>'))
  t.equal(responses.length, 0)
  shelf.settle()
  t.equal(responses.length, 1)
  t.equal(shelf.saves, 1)
})

t.test('RFC 3261 10.2.3: a fetch writes nothing', async t => {
  const { ask, shelf, happened } = setUp()
  const response = ask(exampleRegister())
  t.equal(response.status, 200)
  t.same(values(response, 'contact'), [])
  t.equal(shelf.saves, 0)
  t.same(happened, ['answered 200'])
})

t.test('RFC 3261 10.3: a REGISTER that comes again is answered as it was, and writes nothing', async t => {
  const { ask, shelf, happened } = setUp()
  const [first, again] = [1, 2].map(() => ask(exampleRegister('Contact: <sip:bob@a>')))
  t.same([first!.status, again!.status], [200, 200])
  t.same(values(again!, 'contact'), values(first!, 'contact'))
  t.equal(shelf.saves, 1)
  t.equal(happened.filter(text => text.startsWith('registered')).length, 1)
})

t.test('RFC 3327 5.3, RFC 5626 6: Path comes back, and Require: outbound where it is used', async t => {
  const { ask } = setUp()
  const keyed = 'Contact: <sip:bob@a>;reg-id=1;+sip.instance="<urn:uuid:1>"'
  const response = ask(exampleRegister(keyed, 'Supported: path, outbound', 'Path: <sip:p2;lr>, <sip:p1;lr;ob>'))
  t.same(values(response, 'path'), ['<sip:p2;lr>', '<sip:p1;lr;ob>'])
  t.same(values(response, 'require'), ['outbound'])
  const plain = ask(exampleRegister('Contact: <sip:bob@b>', 'Path: <sip:p1;lr>', seq(2)))
  t.same(values(plain, 'path'), [])
  t.same(values(plain, 'require'), [])
})

t.test('two devices in the same instant: neither undoes the other', async t => {
  const { shelf, begin, responses, counters } = setUp()
  begin(exampleRegister('Contact: <sip:bob@a>', 'Call-ID: a'))
  begin(exampleRegister('Contact: <sip:bob@b>', 'Call-ID: b'))
  shelf.settle()
  t.same(
    responses.map(({ status }) => status),
    [200, 200],
  )
  t.same(
    shelf.bindings.map(({ contact }) => contact),
    ['sip:bob@a', 'sip:bob@b'],
  )
  t.equal(counters.get('registrar_conflicts'), 1)
})

t.test('RFC 3261 10.3: a refusal changes nothing and says so', async t => {
  const { ask, shelf, happened } = setUp()
  t.equal(ask(exampleRegister('Contact: <sip:bob@a>')).status, 200)
  const brief = ask(exampleRegister('Contact: <sip:bob@b>;expires=1', seq(2)))
  t.equal(brief.status, 423)
  t.same(values(brief, 'min-expires'), ['15'])
  t.equal(ask(exampleRegister('Contact: <sip:bob@a>;expires=60', seq(1))).status, 500)
  t.equal(ask(exampleRegister('Contact: *', seq(3))).status, 400)
  t.equal(shelf.saves, 1)
  t.equal(happened.filter(text => text.startsWith('registered')).length, 1)
})

t.test(
  'RFC 3261 10.3 step 7: no commit is 500, no reading 503, no such user 404; Retry-After where it helps',
  async t => {
    const { ask, shelf, happened } = setUp()
    const cases: [(BindingsFailure | 'unknown' | undefined)[], number, string[]][] = [
      [[{ failure: 'io' }], 503, ['5']],
      [[undefined, { failure: 'full' }], 500, ['5']],
      [[undefined, 'unknown'], 404, []],
    ]
    for (const [failures, status, retryAfter] of cases) {
      shelf.failures.push(...failures)
      const response = ask(exampleRegister('Contact: <sip:bob@a>'))
      t.equal(response.status, status)
      t.same(values(response, 'retry-after'), retryAfter)
    }
    t.notOk(happened.some(text => text.startsWith('registered')))
  },
)

t.test('a store that always says conflict is given up on', async t => {
  const { ask, shelf, counters } = setUp()
  shelf.save = (now, _aor, _version, _bindings, done) => done(now, 'conflict')
  t.equal(ask(exampleRegister('Contact: <sip:bob@a>')).status, 503)
  t.equal(counters.get('registrar_conflicts'), 8)
})

t.test('docs/protocol.md: a third-party REGISTER is answered with Expires and no Contact', async t => {
  const { ask, happened, shelf } = setUp()
  const lines = ['From: <sip:core.example.org>;tag=c', 'Contact: <sip:core.example.org>', 'Expires: 600']
  const response = ask(exampleRegister(...lines), true)
  t.equal(response.status, 200)
  t.same(values(response, 'expires'), ['600'])
  t.same(values(response, 'contact'), [])
  t.match(shelf.bindings, [{ contact: BOB, path: ['<sip:core.example.org;lr>'] }])
  const gone = ask(exampleRegister(...lines.slice(0, 2), 'Expires: 0', seq(2)), true)
  t.same(values(gone, 'expires'), ['0'])
  t.same(happened, ['answered 200', `registered ${BOB} ${BOB}`, 'answered 200', `removed ${BOB} ${BOB}`])
})
