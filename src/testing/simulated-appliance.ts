import { type Config, listeners, loadConfig } from '../base/config.ts'
import { Counters } from '../base/counters.ts'
import type { DnsRecord } from '../base/dns.ts'
import { type Flow, hostPort } from '../base/flow.ts'
import { type Log, silentLog } from '../base/log.ts'
import type { Instant, Now } from '../base/time.ts'
import { Engine } from '../engine.ts'
import type { Output } from '../engine-io.ts'
import { accountWithPassword } from '../host/accounts.ts'
import { KeyedStore } from '../store/keyed.ts'
import type { Account, RequestOf, StoreRequest, StoreResult, Verb, Verbs } from '../store/verbs.ts'
import type { SeededEntropy } from './seeded-entropy.ts'
import { simulatedFingerprint } from './simulated-certificate.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedNetwork, Station } from './simulated-network.ts'

export interface ApplianceOptions {
  readonly name?: string
  readonly address?: string
  readonly domain?: string
  /** Of the form `user:password`. */
  readonly users: readonly string[]
  /** TOML: lines before the first table, then tables; added to what follows from the address. */
  readonly config?: string
  /** TOML: more keys of the table [listen]. */
  readonly listen?: string
  readonly log?: Log
  readonly isSelfTesting?: boolean
}

/**
 * When the power goes: after the n-th output was carried out, after the n-th flush was kept but not yet answered, or at the n-th
 * step of the world, whatever it is about to do.
 */
export interface CrashPlan {
  readonly after: 'output' | 'flush' | 'step'
  readonly count: number
  /** Until it boots again. */
  readonly downMs: number
}

const ADDRESS = '10.0.0.1'

/** The product in the simulated world: engine, disk, sockets, and a power switch. */
export class SimulatedAppliance {
  readonly config: Config
  readonly disk: SimulatedDisk
  /** Of the present run. */
  counters = new Counters()
  plan: CrashPlan | undefined
  /** When, and the sequence numbers of what a restart finds waiting. */
  readonly crashLog: { readonly at: Instant; readonly waiting: ReadonlySet<number> }[] = []
  outputs = 0
  /** As told to the host. */
  readonly mailboxesChanged: string[] = []
  /** Answers of a simulated DNS, by kind and name. */
  readonly dns = new Map<string, readonly DnsRecord[]>()
  readonly #clock: SimulatedClock
  readonly #network: SimulatedNetwork
  readonly #entropy: SeededEntropy
  readonly #users: readonly Account[]
  readonly #name: string
  readonly #address: string
  readonly #log: Log
  readonly #isSelfTesting: boolean
  readonly #asked = new Map<number, { request: StoreRequest; done: (result: StoreResult<Verb>) => void }>()
  #askedId = -1
  #engine: Engine | undefined
  #station: Station | undefined
  #bootAt: Instant | undefined

  constructor(clock: SimulatedClock, network: SimulatedNetwork, entropy: SeededEntropy, options: ApplianceOptions) {
    this.#clock = clock
    this.#network = network
    this.#entropy = entropy
    this.#log = options.log ?? silentLog
    this.#isSelfTesting = options.isSelfTesting ?? false
    this.#name = options.name ?? 'box'
    this.#address = options.address ?? ADDRESS
    this.config = configFor(options)
    this.#users = options.users.map(text => accountOf(text, this.config.domain))
    const { hostname } = this.config
    this.disk = new SimulatedDisk({ entropy: entropy.fork('disk'), hostname })
    this.boot()
  }

  get crashes(): number {
    return this.crashLog.length
  }

  get isUp(): boolean {
    return this.#engine !== undefined
  }

  get engine(): Engine {
    if (!this.#engine) throw new Error(`${this.#name} is down`)
    return this.#engine
  }

  /** Accounts first, as the box does it: it takes nothing from the network before they are on flash. */
  boot(): void {
    this.#bootAt = undefined
    this.ask('account.provision', { accounts: this.#users }, result => {
      if ('failure' in result) this.boot()
      else this.#start()
    })
  }

  #start(): void {
    this.counters = new Counters()
    const { sip, msrp } = listeners(this.config)
    const station = this.#newStation()
    this.#station = station
    for (const { transport, endpoint } of sip) this.#network.listen(station, 'sip', transport, endpoint)
    for (const { transport, endpoint } of msrp) this.#network.listen(station, 'msrp', transport, endpoint)
    const engine = new Engine({
      config: this.config,
      sip,
      msrp,
      localFingerprint: () => simulatedFingerprint(this.#address),
      entropy: this.#entropy.fork('engine'),
      log: this.#log,
      counters: this.counters,
      isSelfTesting: this.#isSelfTesting,
    })
    this.#engine = engine
    this.#input(now => engine.start(now))
  }

  /** The power is cut: what was not flushed is gone, and so is every connection. */
  crash(): void {
    this.#engine = undefined
    if (this.#station) this.#network.unplug(this.#station)
    this.#station = undefined
    this.#asked.clear()
    this.disk.crash()
    this.crashLog.push({ at: this.#clock.at, waiting: this.#waiting() })
  }

  crashFor(downMs: number): void {
    this.crash()
    this.#bootAt = (this.#clock.at + downMs) as Instant
  }

  /** SIGTERM: no new work, what is on its way ends. */
  stop(): void {
    this.#input(now => this.#engine?.stop(now))
  }

  /** Whoever looks after the box wants what waits for that user tried now. */
  deliver(aor: string): void {
    this.#input(now => this.#engine?.deliver(now, aor))
  }

  /** Bytes on a flow that is no phone's. */
  inject(flow: Flow, bytes: Buffer): void {
    this.#input(now => this.#engine?.received(now, flow, bytes))
  }

  /** Asks the store as a command would, and the engine hears of it; the world has to run on for `done` to be called. */
  ask<V extends Verb>(verb: V, request: Verbs[V]['request'], done: (result: StoreResult<V>) => void): void {
    const id = this.#askedId--
    const whole = { verb, ...request } as RequestOf<V> as unknown as StoreRequest
    this.#asked.set(id, { request: whole, done: done as (result: StoreResult<Verb>) => void })
    this.disk.submit(id, whole, this.#clock.at)
  }

  nextAt(): Instant | undefined {
    const times = [this.#bootAt, this.disk.nextAt(), this.#engine?.nextTimeout()]
    return times.reduce((first, time) => (first === undefined || (time !== undefined && time < first) ? time : first))
  }

  run(now: Now): void {
    if (this.#bootAt !== undefined && this.#bootAt <= now.at) this.boot()
    const diskAt = this.disk.nextAt()
    if (diskAt !== undefined && diskAt <= now.at) this.#advanceDisk(now)
    const timeoutAt = this.#engine?.nextTimeout()
    if (timeoutAt !== undefined && timeoutAt <= now.at) this.#input(then => this.#engine?.timeout(then))
  }

  /** Called by the world before each step. */
  stepped(): void {
    if (this.plan?.after === 'step') this.#countDown()
  }

  #waiting(): Set<number> {
    const store = new KeyedStore({ hostname: this.config.hostname, freeBytes: () => this.disk.freeBytes })
    const seqs = this.#users.flatMap(({ aor }) => {
      const found = store.read(this.disk.durable, { verb: 'mailbox', aor, afterSeq: 0, limit: 100_000 })
      return found && 'value' in found ? (found.value as Verbs['mailbox']['reply']).map(({ seq }) => seq) : []
    })
    return new Set(seqs)
  }

  #advanceDisk(now: Now): void {
    const flushes = this.disk.flushes
    const answers = this.disk.advance(now.at)
    for (let i = flushes; i < this.disk.flushes; i++) {
      if (this.plan?.after === 'flush' && this.#countDown()) return
    }
    for (const { id, result } of answers) {
      const asked = this.#asked.get(id)
      this.#asked.delete(id)
      if (asked) this.#told(asked.request, result as StoreResult<Verb>, asked.done)
      else if (id >= 0) this.#input(then => this.#engine?.stored(then, id, result as StoreResult<Verb>))
    }
  }

  #told(request: StoreRequest, result: StoreResult<Verb>, done: (result: StoreResult<Verb>) => void): void {
    done(result)
    this.#input(now => this.#engine?.storeChanged(now, request, result))
  }

  #input(give: (now: Now) => void): void {
    if (!this.#engine) return
    give(this.#clock.now())
    for (const output of this.#engine.drain()) {
      this.#carryOut(output)
      this.outputs++
      if (this.plan?.after === 'output' && this.#countDown()) return
    }
  }

  /** True when that was the last moment. */
  #countDown(): boolean {
    const plan = this.plan
    if (!plan) return false
    if (plan.count > 1) {
      this.plan = { ...plan, count: plan.count - 1 }
      return false
    }
    this.plan = undefined
    this.crashFor(plan.downMs)
    return true
  }

  #carryOut(output: Output): void {
    const station = this.#station!
    if (output.kind === 'transmit') this.#network.transmit(station, output.flow, output.bytes)
    else if (output.kind === 'connect') this.#network.connect(station, output.flow)
    else if (output.kind === 'close') this.#network.close(station, output.flow)
    else if (output.kind === 'hold') this.#network.hold(station, output.flow, output.isHeld)
    else if (output.kind === 'mailbox') this.mailboxesChanged.push(output.aor)
    else if (output.kind === 'store') this.disk.submit(output.id, output.request, this.#clock.at)
    else {
      const { id, question } = output
      const records = this.dns.get(`${question.kind} ${question.name}`) ?? []
      this.#network.later(() => {
        if (station === this.#station) this.#input(now => this.#engine?.resolved(now, id, [...records]))
      })
    }
  }

  /** One for each run, so that what was on its way to the run before reaches nobody. */
  #newStation(): Station {
    const station: Station = {
      name: `${this.#name} ${this.crashes}`,
      flowOpened: (_now: Now, flow: Flow) => this.#heard(station, now => this.#engine?.flowOpened(now, flow)),
      received: (_now, flow, bytes) => this.#heard(station, now => this.#engine?.received(now, flow, bytes)),
      flowClosed: (_now, flow, reason) => this.#heard(station, now => this.#engine?.flowClosed(now, flow, reason)),
      flowFull: (_now, flow, isFull) => this.#heard(station, now => this.#engine?.flowFull(now, flow, isFull)),
    }
    return station
  }

  #heard(station: Station, give: (now: Now) => void): void {
    if (station === this.#station) this.#input(give)
  }
}

function configFor({ address = ADDRESS, domain = 'example.org', config = '', listen = '' }: ApplianceOptions): Config {
  const firstTable = config.search(/^\[/m)
  const top = firstTable < 0 ? config : config.slice(0, firstTable)
  const tables = firstTable < 0 ? '' : config.slice(firstTable)
  const text = `
    domain = "${domain}"
    hostname = "${address}"
    ${top}
    [listen]
    sip_udp = "${hostPort({ address, port: 5060 })}"
    sip_tcp = "${hostPort({ address, port: 5060 })}"
    msrp_tcp = "${hostPort({ address, port: 2855 })}"
    ${listen}
    ${tables}`
  const loaded = loadConfig(text, 'world')
  if ('errors' in loaded) throw new Error(loaded.errors.join('\n'))
  return loaded.config
}

function accountOf(text: string, domain: string): Account {
  const [user = '', password = ''] = text.split(':')
  return accountWithPassword(`sip:${user}@${domain}`, password, domain, 'file')
}
