import t from 'tap'
import { after, type Now } from '../base/time.ts'
import { Timers } from '../base/timers.ts'
import type { StoreClient, StoreRequest, StoreResult, Verb } from '../store/verbs.ts'
import { messageKept, sessionOpened } from '../testing/history-items.ts'
import * as large from '../testing/large-requests.ts'
import { SimulatedClock } from '../testing/simulated-clock.ts'
import { BOB_AOR, custodyOf } from '../testing/store-fixtures.ts'
import { StoreChanges } from './store-changes.ts'

const CAROL_AOR = 'sip:carol@example.org'

interface Asked {
  readonly verb: Verb
  readonly [field: string]: unknown
}

/** The seam over a store that answers what the test says, and what it told. */
function seam() {
  const clock = new SimulatedClock()
  const timers = new Timers()
  const changes = new StoreChanges(timers)
  const told: string[] = []
  const settings: string[] = []
  const histories: string[] = []
  changes.onHistoryChanged((_now, aor) => histories.push(aor))
  changes.onMailboxChanged((_now, aor) => told.push(aor))
  changes.onSettingsChanged((_now, aor) => settings.push(aor))
  let answer: StoreResult<Verb> = { failure: 'io', detail: '' }
  const store: StoreClient = { ask: (_verb, _request, done) => done(clock.now(), answer as never) }
  const watching = changes.watching(store)
  const ask = ({ verb, ...request }: Asked, value: unknown): void => {
    answer = { value } as StoreResult<Verb>
    watching.ask(verb, request as never, () => {})
  }
  const pass = (ms: number): void => {
    clock.advanceTo(after(clock.now(), ms))
    timers.fire(clock.now())
  }
  const fail = (request: StoreRequest, now: Now = clock.now()): void =>
    changes.outside(now, request, { failure: 'full', detail: '' })
  return { clock, changes, told, settings, histories, ask, pass, fail }
}

const stored = { outcome: 'stored', seq: 1, storeId: 'sip:1@edge1.example.org', waiting: 1 }
const ending = { aor: BOB_AOR, seq: 1, at: 0, detail: '' }

t.test('every reply that changes a mailbox is told, and no other', async t => {
  const { told, ask, pass } = seam()
  const telling = (request: Asked, value: unknown): string[] => {
    told.length = 0
    ask(request, value)
    pass(1000)
    return [...told]
  }
  t.same(telling(custodyOf(1), stored), [BOB_AOR])
  t.same(telling(custodyOf(1), { outcome: 'duplicate', seq: 1, storeId: '' }), [])
  t.same(telling(custodyOf(1), { outcome: 'refused', reason: 'message quota' }), [])
  t.same(telling(large.whole(1, Buffer.alloc(1)), stored), [BOB_AOR])
  t.same(telling(large.whole(1, Buffer.alloc(1)), { outcome: 'duplicate', seq: 1, storeId: '' }), [])
  t.same(telling({ verb: 'confirm', ...ending }, { wasWaiting: true, waiting: 0 }), [BOB_AOR])
  t.same(telling({ verb: 'confirm', ...ending }, { wasWaiting: false, waiting: 0 }), [])
  t.same(telling({ verb: 'delete', ...ending }, 'deleted'), [BOB_AOR])
  t.same(telling({ verb: 'delete', ...ending }, 'absent'), [])
  t.same(telling({ verb: 'account.remove', aor: BOB_AOR, at: 0 }, 'removed'), [BOB_AOR])
  t.same(telling({ verb: 'account.remove', aor: BOB_AOR, at: 0 }, 'provisioned'), [])
  t.same(telling({ verb: 'expire', at: 0, limit: 9 }, [{ aor: BOB_AOR }, { aor: CAROL_AOR }]), [BOB_AOR, CAROL_AOR])
  t.same(telling({ verb: 'attempted', ...ending }, 'noted'), [])
  t.same(telling({ verb: 'locate', aor: BOB_AOR }, {}), [])
})

t.test('a large message is told when it is whole, to whom its beginning was for', async t => {
  const { told, ask, pass } = seam()
  const finish = (upload: number) => ({
    verb: 'upload.finish' as const,
    upload,
    size: 1,
    contentType: '',
    transactionId: '',
  })
  ask(large.begin(1), { outcome: 'begun', upload: 7 })
  ask(large.begin(2), { outcome: 'begun', upload: 8 })
  ask(large.begin(3), { outcome: 'refused', reason: 'byte quota' })
  ask({ verb: 'upload.drop', upload: 8 }, 'dropped')
  pass(1000)
  t.same(told, [])
  ask(finish(8), 'gone')
  ask(finish(7), { ...stored, seq: 2 })
  ask(finish(7), { ...stored, seq: 2 })
  pass(1000)
  t.same(told, [BOB_AOR])
})

t.test('changes in a row are told once for each mailbox, a tenth of a second after the first', async t => {
  const { told, ask, pass } = seam()
  for (let i = 0; i < 50; i++) ask(custodyOf(i), stored)
  ask({ verb: 'delete', ...ending, aor: CAROL_AOR }, 'deleted')
  pass(99)
  t.same(told, [])
  pass(1)
  t.same(told, [BOB_AOR, CAROL_AOR])
  ask(custodyOf(60), stored)
  pass(100)
  t.same(told, [BOB_AOR, CAROL_AOR, BOB_AOR])
})

t.test('settings are told at once, also those that somebody else wrote; what failed is not told', async t => {
  const { changes, clock, settings, told, ask, pass, fail } = seam()
  const put = { verb: 'settings.put' as const, aor: BOB_AOR, version: 0, settings: { published: [] } }
  ask(put, 'saved')
  ask(put, 'conflict')
  t.same(settings, [BOB_AOR])
  changes.outside(clock.now(), put, { value: 'saved' })
  t.same(settings, [BOB_AOR, BOB_AOR])
  changes.outside(clock.now(), { verb: 'account.remove', aor: CAROL_AOR, at: 0 as never }, { value: 'removed' })
  fail(put)
  fail(custodyOf(1))
  pass(1000)
  t.same(settings.length, 2)
  t.same(told, [CAROL_AOR])
})

t.test('histories: whose items joined or left, and when a recording is over', async t => {
  const { histories, told, ask, pass } = seam()
  const telling = (request: Asked, value: unknown): string[] => {
    histories.length = 0
    ask(request, value)
    pass(1000)
    return [...histories]
  }
  t.same(telling({ ...messageKept(1) }, [{ aor: BOB_AOR, reference: '' }]), [BOB_AOR])
  t.same(telling({ ...messageKept(1) }, 'flash reserve'), [])
  const { verb: _, ...history } = messageKept(1)
  const kept = [{ aor: BOB_AOR, reference: 'sip:h' }]
  t.same(telling({ ...custodyOf(1), history }, { ...(stored as object), history: kept }), [BOB_AOR])
  t.same(telling({ ...custodyOf(1), history }, { ...(stored as object), history: 'flash reserve' }), [])
  t.same(telling({ ...messageKept(1) }, [{ aor: BOB_AOR, passedOver: 'daily limit' }]), [])
  t.same(telling(sessionOpened(1), { outcomes: [{ aor: BOB_AOR, passedOver: 'daily limit' }] }), [])
  t.same(telling(sessionOpened(1), { record: 7, outcomes: kept }), [BOB_AOR])
  t.same(telling(sessionOpened(1), 'unwanted'), [])
  const close = { verb: 'history.close' as const, record: 7, at: 0, keep: true }
  t.same(telling(close, 'closed'), [BOB_AOR])
  t.same(telling(close, 'gone'), [])
  t.same(telling({ verb: 'history.remove', aor: BOB_AOR, reference: '' }, 'removed'), [BOB_AOR])
  t.same(telling({ verb: 'history.remove', aor: BOB_AOR, reference: '' }, 'absent'), [])
  t.same(telling({ verb: 'history.erase', aor: BOB_AOR, limit: 1 }, { removed: 1, isDone: false }), [BOB_AOR])
  t.same(telling({ verb: 'history.erase', aor: BOB_AOR, limit: 1 }, { removed: 0, isDone: true }), [])
  t.same(told, [BOB_AOR, BOB_AOR], 'a mailbox is told by custody alone')
})
