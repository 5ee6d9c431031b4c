import t from 'tap'
import { Counters } from '../base/counters.ts'
import { type Flow, udpFlow } from '../base/flow.ts'
import { type Log, silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import type { Output } from '../engine-io.ts'
import type { StoreRequest, StoreResult, Verb } from '../store/verbs.ts'
import { type DrivenEngine, Loop, type Outlets } from './loop.ts'

const flow = udpFlow({ address: '127.0.0.1', port: 5060 }, { address: '127.0.0.1', port: 5061 })
const stream: Flow = { ...flow, id: 'tcp/1', transport: 'tcp' }
const status: StoreRequest = { verb: 'status' }

/** Writes down its inputs, and puts out what the test says. */
class ScriptedEngine implements DrivenEngine {
  readonly isBusy = false
  readonly inputs: string[] = []
  outputs: Output[] = []
  next: Instant | undefined
  onInput: (name: string) => void = () => {}

  start = () => this.#input('start')
  flowOpened = (_now: Now, flow: Flow) => this.#input(`opened ${flow.id}`)
  received = (_now: Now, _flow: Flow, bytes: Buffer) => this.#input(`received ${bytes}`)
  flowClosed = (_now: Now, flow: Flow, reason: string) => this.#input(`closed ${flow.id} ${reason}`)
  flowFull = (_now: Now, flow: Flow, isFull: boolean) => this.#input(`full ${flow.id} ${isFull}`)
  stored = (_now: Now, id: number) => this.#input(`stored ${id}`)
  storeChanged = (_now: Now, { verb }: StoreRequest) => this.#input(`store changed ${verb}`)
  resolved = (_now: Now, id: number) => this.#input(`resolved ${id}`)
  deliver = (_now: Now, aor: string) => this.#input(`deliver ${aor}`)
  stop = () => this.#input('stop')
  timeout = () => {
    this.next = undefined
    this.#input('timeout')
  }
  nextTimeout = () => this.next
  describe = () => ({})
  drain = () => this.outputs.splice(0)

  #input(name: string): void {
    this.inputs.push(name)
    this.onInput(name)
  }
}

const setUp = (store: Partial<Outlets['store']> = {}, log: Log = silentLog) => {
  const engine = new ScriptedEngine()
  const done: string[] = []
  const counters = new Counters()
  const clock = {
    now: (): Now => ({ at: performance.now() as Instant, wall: Date.now() as WallTime, isWallTrusted: true }),
  }
  const loop = new Loop({ engine, clock, log, counters })
  const outlets: Outlets = {
    datagrams: { send: (_flow, bytes) => done.push(`datagram ${bytes}`) },
    streams: {
      connect: flow => done.push(`connect ${flow.id}`),
      write: (_flow, bytes) => done.push(`write ${bytes}`),
      close: flow => done.push(`close ${flow.id}`),
      hold: (flow, isHeld) => done.push(`hold ${flow.id} ${isHeld}`),
      holdAll: isHeld => done.push(`hold all ${isHeld}`),
    },
    dns: { ask: async () => [] },
    store: { outstanding: 0, submit: () => {}, ...store },
  }
  t.teardown(() => loop.end())
  return { engine, loop, outlets, done, counters }
}

t.test('after each input every output is carried out, in order', async t => {
  const { engine, loop, outlets, done } = setUp()
  loop.start(outlets)
  engine.outputs = [
    { kind: 'transmit', flow, bytes: Buffer.from('a') },
    { kind: 'connect', flow: stream },
    { kind: 'transmit', flow: stream, bytes: Buffer.from('b') },
    { kind: 'hold', flow: stream, isHeld: true },
    { kind: 'close', flow: stream },
  ]
  loop.received(flow, Buffer.from('x'))
  t.same(engine.inputs, ['start', 'received x'])
  t.same(done, ['datagram a', 'connect tcp/1', 'write b', 'hold tcp/1 true', 'close tcp/1'])
})

t.test('a stream that does not take what waits for it is an input', async t => {
  const { engine, loop, outlets } = setUp()
  loop.start(outlets)
  loop.full(stream, true)
  loop.full(stream, false)
  t.same(engine.inputs, ['start', 'full tcp/1 true', 'full tcp/1 false'])
})

t.test('a store that replies at once brings an input, and its outputs come after those before it', async t => {
  const { engine, loop, outlets, done } = setUp({
    submit: (_request, reply) => reply({ value: undefined } as StoreResult<Verb>),
  })
  engine.onInput = name => {
    if (name === 'start')
      engine.outputs.push(
        { kind: 'store', id: 7, request: status },
        { kind: 'transmit', flow, bytes: Buffer.from('1') },
      )
    if (name === 'stored 7') engine.outputs.push({ kind: 'transmit', flow, bytes: Buffer.from('2') })
  }
  loop.start(outlets)
  t.same(engine.inputs, ['start', 'stored 7'])
  t.same(done, ['datagram 1', 'datagram 2'])
})

t.test('an answer of the resolver comes back as an input', async t => {
  const { engine, loop, outlets } = setUp()
  engine.outputs = [{ kind: 'resolve', id: 3, question: { kind: 'A', name: 'a.example.org' } }]
  loop.start(outlets)
  await new Promise(setImmediate)
  t.same(engine.inputs, ['start', 'resolved 3'])
})

t.test('one timer stands for the earliest deadline, also after it moved nearer', async t => {
  const { engine, loop, outlets } = setUp()
  engine.next = (performance.now() + 60_000) as Instant
  loop.start(outlets)
  const fired = new Promise<void>(resolve => {
    engine.onInput = name => name === 'timeout' && resolve()
  })
  engine.next = (performance.now() + 5) as Instant
  loop.received(flow, Buffer.from('x'))
  await fired
  t.same(engine.inputs, ['start', 'received x', 'timeout'])
})

t.test('a deadline met a little early by the system’s timer is met again, without a storm of turns', async t => {
  const { engine, loop, outlets } = setUp()
  const due = performance.now() + 7.3
  engine.next = due as Instant
  const early: boolean[] = []
  const fired = new Promise<void>(resolve => {
    engine.timeout = () => {
      early.push(performance.now() < due)
      if (performance.now() >= due) resolve()
    }
  })
  loop.start(outlets)
  await fired
  t.ok(early.length <= 2, `${early.length} turns`)
})

t.test('a defect of the engine is counted and costs the connection it came by, nobody else', async t => {
  const stacks: unknown[] = []
  const { engine, loop, outlets, done, counters } = setUp(
    {},
    { ...silentLog, error: (_msg, f) => stacks.push(f?.stack) },
  )
  loop.start(outlets)
  engine.onInput = () => {
    throw new Error('defect')
  }
  loop.received(stream, Buffer.from('x'))
  loop.received(flow, Buffer.from('y'))
  t.equal(counters.get('internal_errors'), 2)
  t.same(done, ['close tcp/1'])
  t.match(stacks, [/defect/, /defect/])
  engine.onInput = () => {}
  loop.received(flow, Buffer.from('z'))
  t.match(engine.inputs.at(-1), 'received z')
})

t.test('reading from streams stops while the store is far behind', async t => {
  const store = { outstanding: 0, submit: () => {} }
  const { loop, outlets, done } = setUp()
  const watched: Outlets = { ...outlets, store }
  loop.start(watched)
  for (const outstanding of [2048, 2049, 2000, 1025, 1024, 5]) {
    store.outstanding = outstanding
    loop.received(flow, Buffer.from('x'))
  }
  t.same(done, ['hold all true', 'hold all false'])
})

t.test('after the end no input reaches the engine', async t => {
  const { engine, loop, outlets } = setUp()
  loop.start(outlets)
  loop.end()
  loop.received(flow, Buffer.from('late'))
  t.same(engine.inputs, ['start'])
})
