import t from 'tap'
import { Counters } from '../../base/counters.ts'
import { type Log, silentLog } from '../../base/log.ts'
import type { Heard } from '../diagnosis/limited.ts'
import { NO_DESCRIPTORS } from '../diagnosis/told-error.ts'
import type { Listening } from '../listening.ts'
import { ListenerWatch } from './listener-watch.ts'

const WELL: Heard<unknown> = { answer: 200, time: '1 ms' }
const SILENT: Heard<unknown> = { failure: 'no answer within 4 s.' }

class Door implements Listening {
  readonly use = 'SIP'
  readonly transport = 'tcp'
  readonly endpoint: Listening['endpoint']
  entered = 0
  refused = 0
  reopened = 0
  problem: Error | undefined

  constructor(address = '0.0.0.0') {
    this.endpoint = { address, port: 5060 }
  }

  async reopen(): Promise<void> {
    this.reopened++
    if (this.problem) throw this.problem
  }
}

/** Listeners whose answers are set by hand, asked in rounds that come by hand. */
function tried(...doors: Door[]) {
  const lines: string[] = []
  const note = (msg: string): void => void lines.push(msg)
  const log: Log = { ...silentLog, info: note, warn: note, error: note }
  const state = { heard: WELL, meanwhile: () => {}, isHeld: false, addresses: ['192.0.2.1'], ms: 0 }
  const due: { ms: number; run: () => void }[] = []
  const counters = new Counters()
  const watch = new ListenerWatch({
    ...{ listeners: doors, log, counters },
    ask: async () => {
      state.meanwhile()
      return state.heard
    },
    isHeld: () => state.isHeld,
    addresses: () => state.addresses,
    monotonicMs: () => state.ms,
    later: (run, ms) => {
      const one = { ms, run }
      due.push(one)
      return () => void due.splice(due.indexOf(one), 1)
    },
  })
  const rounds = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left--) await watch.round()
  }
  return { watch, state, lines, counters, due, rounds }
}

t.test(
  'a listener that stops answering is told at the second failure, opened anew, and told when it is well',
  async t => {
    const door = new Door()
    const { watch, state, rounds, lines, counters } = tried(door)
    await rounds(2)
    t.same(watch.view, { answering: 1, silent: [], untold: [] })
    state.heard = SILENT
    await rounds(1)
    t.same([watch.view.silent, door.reopened], [[], 0], 'one may be lost')
    await rounds(1)
    t.same(watch.view, {
      answering: 0,
      silent: [{ name: 'SIP TCP 0.0.0.0:5060', reason: 'no answer within 4 s' }],
      untold: [],
    })
    t.equal(door.reopened, 1)
    await rounds(9)
    t.equal(door.reopened, 1, 'it stands, and is not what is wrong')
    await rounds(1)
    t.equal(door.reopened, 2, 'after five minutes')
    state.heard = WELL
    await rounds(1)
    t.same(watch.view, { answering: 1, silent: [], untold: [] })
    t.equal(lines.at(-1), 'a listener answers again')
    t.match(counters.describe(), {
      listener_trials: { answered: 3, silent: 12 },
      listeners_reopened: { SIP: 2 },
    })
  },
)

t.test('one that never answered cannot be told from one that this machine may not call: said once', async t => {
  const door = new Door()
  const { watch, state, rounds, lines } = tried(door)
  state.heard = SILENT
  await rounds(50)
  t.equal(door.reopened, 0)
  t.same(lines, ['a listener cannot be tried from this machine, so nobody looks after it'])
  t.match(watch.view, { answering: 0, silent: [], untold: [{ name: 'SIP TCP 0.0.0.0:5060' }] })
  state.heard = WELL
  await rounds(1)
  t.match(watch.view, { answering: 1, untold: [] })
})

t.test(
  'busy with others, full, held by the store, or a loop that stood: nobody knows, and nothing is done',
  async t => {
    for (const [name, meanwhile] of Object.entries({
      busy: ({ door }: { door: Door }) => void (door.entered += 5),
      full: ({ door }: { door: Door }) => void door.refused++,
      held: ({ state }: { state: { isHeld: boolean } }) => void (state.isHeld = true),
      stood: ({ state }: { state: { ms: number } }) => void (state.ms += 5001),
    })) {
      const door = new Door()
      const { watch, state, rounds, counters } = tried(door)
      await rounds(1)
      state.heard = SILENT
      state.meanwhile = () => meanwhile({ door, state } as never)
      await rounds(20)
      t.same([watch.view.silent, door.reopened], [[], 0], name)
      t.match(counters.describe(), { listener_trials: { 'passed over': 20 } })
      state.isHeld = false
      state.meanwhile = () => void (door.entered += 4)
      await rounds(2)
      t.equal(door.reopened, 1, 'what came in was the question itself')
    }
  },
)

t.test('the listener of an address that went is left open, as it may come back', async t => {
  const door = new Door('192.0.2.1')
  const { watch, state, rounds } = tried(door)
  await rounds(1)
  state.heard = SILENT
  state.addresses = []
  await rounds(30)
  t.equal(door.reopened, 0)
  t.match(watch.view.silent, [{ reason: /no longer has the address 192\.0\.2\.1/ }])
  state.addresses = ['192.0.2.1']
  await rounds(10)
  t.equal(door.reopened, 1)
  const loopback = new Door('127.0.0.2')
  const here = tried(loopback)
  await here.rounds(1)
  here.state.heard = SILENT
  await here.rounds(2)
  t.equal(loopback.reopened, 1, 'which no interface lists')
})

t.test('one that cannot be opened anew is tried at each round, and one more descriptor is not asked for', async t => {
  const door = new Door()
  const { watch, state, rounds } = tried(door)
  await rounds(1)
  state.heard = SILENT
  door.problem = new Error('EADDRINUSE')
  await rounds(5)
  t.equal(door.reopened, 4)
  t.match(watch.view.silent, [{ reason: /cannot be opened anew: EADDRINUSE/ }])
  door.problem = undefined
  await rounds(1)
  state.heard = WELL
  await rounds(1)
  t.same(watch.view.silent, [])
  state.heard = { failure: NO_DESCRIPTORS }
  const { reopened } = door
  await rounds(12)
  t.equal(door.reopened, reopened)
  t.match(watch.view.silent, [{ reason: /LimitNOFILE/ }])
})

t.test('first after half a minute, then every five, and every half where one is silent; stopped, never', async t => {
  const { watch, state, due } = tried(new Door())
  const next = async (): Promise<number> => {
    const one = due.shift()!
    one.run()
    while (due.length === 0) await Promise.resolve()
    return due[0]!.ms
  }
  watch.start()
  t.equal(due[0]?.ms, 30_000)
  t.equal(await next(), 300_000)
  state.heard = SILENT
  t.equal(await next(), 30_000)
  state.heard = WELL
  t.equal(await next(), 300_000)
  const asked = Promise.withResolvers<void>()
  state.meanwhile = () => asked.resolve()
  due.shift()!.run()
  await asked.promise
  await watch.stop()
  t.equal(due.length, 0)
})

t.test('a defect in a question is logged, and the others are asked', async t => {
  const doors = [new Door(), new Door()]
  const { watch, state, rounds, lines } = tried(...doors)
  let count = 0
  state.meanwhile = () => {
    if (count++ === 0) throw new Error('a defect')
  }
  await rounds(1)
  t.same([lines, watch.view.answering], [['internal error'], 1])
})
