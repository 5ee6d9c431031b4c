import { join, resolve } from 'node:path'
import type { FastifyPluginAsync } from 'fastify'
import { type Config, httpListeners, listeners, xcapRoot } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Endpoint, Transport } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { ConfigurationService } from '../services/configuration.ts'
import type { LogService } from '../services/logs.ts'
import { pages } from '../web/page/plugin.ts'
import { xcap } from '../web/xcap/plugin.ts'
import { Access } from './access.ts'
import { accessApi } from './access-api.ts'
import { accountsOfFile } from './accounts.ts'
import { machineAddresses } from './addresses.ts'
import { unknownApi } from './admin-api.ts'
import { Administrators } from './administrators.ts'
import { backupApis } from './backup-api.ts'
import { Backups } from './backups.ts'
import { StatusWatch } from './box-status.ts'
import { Certificates } from './certificates.ts'
import { Clock } from './clock.ts'
import { ControlServer } from './control.ts'
import { custodyOf } from './custody-numbers.ts'
import { Dns } from './dns.ts'
import { Doors } from './doors.ts'
import { endWork } from './end-work.ts'
import { type Credential, makeFirstAccounts } from './first-start.ts'
import { Health } from './health.ts'
import { HttpServer } from './http.ts'
import { Jobs } from './jobs.ts'
import { makeDataDir } from './lock.ts'
import { type DrivenEngine, Loop } from './loop.ts'
import { type Machine, machine, machineApis } from './machine.ts'
import { originPolicy } from './origins.ts'
import { OutsideStore } from './outside-store.ts'
import { lockForServing } from './owner.ts'
import { people, peopleApis } from './people.ts'
import { messageOf, storeError } from './plain-error.ts'
import { undoSwap } from './restore-swap.ts'
import type { Restoring } from './restoring.ts'
import { statusApi } from './status-api.ts'
import { Streams } from './streams.ts'
import { Support } from './support.ts'
import { supportApi } from './support-api.ts'
import { authorities, dialPolicy } from './tls-dial.ts'
import { Datagrams } from './udp.ts'
import { watchedFromTheStart } from './watched-counters.ts'
import { type Store, WatchedStore } from './watched-store.ts'
import { type BoxServices, webServices } from './web-services.ts'
import { Xdms } from './xdms.ts'
import { XdmsClient } from './xdms-client.ts'

interface BoundListener<T extends Transport = Transport> {
  readonly transport: T
  readonly endpoint: Endpoint
}

interface HttpAddress extends Endpoint {
  readonly isSecure: boolean
}

export interface EngineParts {
  readonly config: Config
  readonly sip: readonly BoundListener[]
  readonly msrp: readonly BoundListener<'tcp' | 'tls'>[]
  readonly addresses: readonly string[]
  /** Of the certificate in use. */
  readonly localFingerprint?: () => string
  readonly entropy: Entropy
  readonly log: Log
  readonly counters: Counters
}

export interface ServeOptions {
  readonly config: Config
  readonly log: Log
  readonly entropy: Entropy
  readonly makeEngine: (parts: EngineParts) => Promise<DrivenEngine>
  readonly openStore: (dataDir: string, config: Config, log: Log) => Promise<Store>
  /** User parts of the accounts that the very first start makes beside the administrator's. */
  readonly firstAccounts?: readonly string[]
  /** Whoever is signed in stays so where the box is had anew. */
  readonly access?: Access
  /** How the file that `config` came from is changed. Absent: there is no config page. */
  readonly configuration?: ConfigurationService
  /** How other data take the place of what is there. Absent: there are no backups. */
  readonly restoring?: Restoring
  /** The last lines of the log. Absent: there is no config page. */
  readonly logs?: LogService
}

/** How often the store is told what time it is. After a power cut without an RTC no more than this is in doubt. */
const CLOCK_FLOOR_MS = 300_000

/** Of the 5 s that a stop may take, beside what work under way takes: the last bytes of each stream. */
const STREAM_STOP_MS = 500

type Closing = () => void | Promise<void>

/** A box that serves: opened piece by piece, closed in the reverse order, also where opening broke off. */
export class Box {
  readonly sip: BoundListener[] = []
  readonly msrp: BoundListener<'tcp' | 'tls'>[] = []
  readonly http: HttpAddress[] = []
  readonly counters = watchedFromTheStart()
  readonly dataDir: string
  /** Shown once, at the very first start. */
  credentials: readonly Credential[] = []
  /** Undefined where nothing speaks TLS. */
  certificates: Certificates | undefined

  readonly #options: ServeOptions
  readonly #closings: Closing[] = []
  #loop: Loop | undefined
  #streams: Streams | undefined

  private constructor(options: ServeOptions) {
    this.#options = options
    this.dataDir = resolve(options.config.data_dir)
  }

  static async start(options: ServeOptions): Promise<Box> {
    const box = new Box(options)
    try {
      await box.#open()
      return box
    } catch (error) {
      await box.stop()
      throw error
    }
  }

  /** Stops accepting, lets what is under way end, flushes; within 5 s. */
  async stop(): Promise<void> {
    for (const close of this.#closings.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        this.#options.log.error('stopping', { reason: messageOf(error) })
      }
    }
  }

  async #open(): Promise<void> {
    const { config, log, entropy, firstAccounts } = this.#options
    makeDataDir(this.dataDir)
    const lock = await lockForServing(this.dataDir)
    this.#closings.push(() => lock.release())
    undoSwap(this.dataDir)
    const administrators = Administrators.open(this.dataDir, entropy, Date.now)
    const store = new WatchedStore(await this.#options.openStore(this.dataDir, config, log), log)
    this.#closings.push(() => store.close())
    const clock = await this.#startClock(store)
    await this.#provision(store)
    this.certificates = await this.#openCertificates(clock)
    const health = new Health(store, clock, config.deferral.reserve_bytes)
    const xdms = this.#openXdms(store, clock)
    const engine = await this.#startEngine(store, clock, xdms)
    const outside = new OutsideStore(store, (request, result) => this.#loop?.storeChanged(request, result))
    const access = this.#options.access ?? new Access({ entropy, log, now: () => clock.now() })
    access.use(administrators, this.counters)
    const jobs = this.#openJobs(clock)
    const parts = { config, store: outside, jobs, entropy, now: () => clock.now() }
    const { restoring, openStore } = this.#options
    const { dataDir } = this
    const backups =
      restoring && new Backups({ ...parts, dataDir, restoring, openStore, snapshot: () => store.snapshot() })
    const control = await ControlServer.open(dataDir, outside, backups?.file.bind(backups))
    this.#closings.push(() => control.close())
    const persons = people({
      ...parts,
      isFlowOpen: id => this.#streams?.has(id) ?? false,
      deliver: aor => this.#loop?.deliver(aor),
    })
    const lookedAfter = this.#machine(clock)
    const status = new StatusWatch({
      ...{ config, dataDir: this.dataDir, clock, store: outside, counters: this.counters, health, log },
      ...{ sip: this.sip, msrp: this.msrp, http: this.http, describe: () => engine.describe() },
      certificateUntil: () => this.certificates && Date.parse(this.certificates.pair.leaf.validTo),
      clockSource: async () => (await lookedAfter.time.view()).source,
    })
    const describe = async (): Promise<object> => ({
      ...engine.describe(),
      ...(await custodyOf(store)),
      ...(xdms && { xdms: xdms.describe() }),
    })
    const told = { dataDir, counters: this.counters, describe, wall: () => clock.now().wall }
    const parted = { access, store: outside, log, status, backups, ...persons, ...lookedAfter }
    const services = webServices(config, { ...parted, support: new Support({ config, status, ...told }) })
    const httpOptions: Parameters<typeof HttpServer.listen>[1] = {
      health,
      counters: this.counters,
      describe,
      hosts: services.hosts,
      plugins: [
        accessApi({ guarded: services, log }),
        ...peopleApis(persons, { ...parts, guarded: services, log }),
        unknownApi({ guarded: services, log }),
        this.#xcap(outside, clock),
        ...this.#pages(services),
      ],
      certificates: this.certificates,
    }
    await this.#serveHttp(httpOptions)
    this.#closings.push(() => health.stopping())
    status.start()
    this.#closings.push(() => status.stop())
    // Last of all: passwords are shown once, so nothing may go wrong between making and showing them.
    this.credentials = await makeFirstAccounts(
      config,
      this.dataDir,
      administrators,
      store,
      entropy,
      firstAccounts ?? [],
    )
  }

  async #serveHttp(options: Parameters<typeof HttpServer.listen>[1]): Promise<void> {
    for (const listener of httpListeners(this.#options.config)) {
      const { http, at } = await HttpServer.listen(listener, options)
      this.#closings.push(() => http.close())
      this.http.push({ ...at, isSecure: listener.transport === 'tls' })
    }
  }

  #pages(services: BoxServices): FastifyPluginAsync[] {
    const { configuration, logs } = this.#options
    if (!configuration || !logs) return []
    const all = { ...services, configuration, logs }
    return [...machineApis(all), statusApi(all), ...backupApis(all), supportApi(all), pages(all)]
  }

  #machine(clock: Clock): Machine {
    const { config, log } = this.#options
    return machine({ config, dataDir: this.dataDir, clock, certificates: this.certificates, log })
  }

  #openJobs(clock: Clock): Jobs {
    const { config, entropy, log } = this.#options
    const jobs = new Jobs({
      dir: join(this.dataDir, 'jobs'),
      reserveBytes: config.deferral.reserve_bytes,
      entropy,
      now: () => clock.now(),
      log,
    })
    this.#closings.push(() => jobs.close())
    return jobs
  }

  #xcap(store: OutsideStore, clock: Clock): FastifyPluginAsync {
    const { config, entropy, log } = this.#options
    const { counters } = this
    const { algorithms } = config.auth
    const now = () => clock.now()
    const { enabled, retention_s } = config.history
    const history = enabled ? { historyRetentionS: retention_s } : {}
    const root = xcapRoot(config)
    return xcap({ store, domain: config.domain, algorithms, root, now, entropy, counters, log, ...history })
  }

  /** Undefined: the lists are kept nowhere else. */
  #openXdms(store: WatchedStore, clock: Clock): Xdms | undefined {
    const { config, entropy, log } = this.#options
    const { counters } = this
    const { root, user, password } = config.xdms
    if (root === '') return undefined
    const ca = authorities(dialPolicy(config.tls).ca)
    const client = new XdmsClient({ root, user, password, ca, entropy })
    const xdms = new Xdms({ store, client, now: () => clock.now(), entropy, counters, log })
    this.#closings.push(() => xdms.close())
    xdms.start()
    return xdms
  }

  async #startClock(store: WatchedStore): Promise<Clock> {
    const status = await store.ask('status', {})
    if ('failure' in status) throw storeError(this.dataDir, status)
    const clock = new Clock(status.value.clockFloor)
    if (!clock.now().isWallTrusted)
      this.#options.log.warn('the clock stands before a time already seen; nothing expires until it is set')
    const timer = setInterval(() => {
      const wall = clock.nextFloor()
      if (wall !== undefined) store.submit({ verb: 'clock', wall }, () => {})
    }, CLOCK_FLOOR_MS)
    this.#closings.push(() => clearInterval(timer))
    return clock
  }

  async #openCertificates(clock: Clock): Promise<Certificates | undefined> {
    const { config, log } = this.#options
    const { sip, msrp } = listeners(config)
    if (
      ![...sip, ...msrp, ...httpListeners(config)].some(({ transport }) => transport === 'tls' || transport === 'wss')
    )
      return undefined
    const { hostname, domain, tls } = config
    const certificates = await Certificates.open({
      certificate: tls.certificate,
      key: tls.key,
      dataDir: this.dataDir,
      names: { hostname, domain, addresses: machineAddresses() },
      log,
      wall: () => {
        const now = clock.now()
        return now.isWallTrusted ? now.wall : undefined
      },
    })
    certificates.watch()
    this.#closings.push(() => certificates.close())
    return certificates
  }

  async #provision(store: WatchedStore): Promise<void> {
    const { config, log } = this.#options
    const result = await store.ask('account.provision', { accounts: accountsOfFile(config) })
    if ('failure' in result) throw storeError(this.dataDir, result)
    for (const aor of result.value.shadowed)
      log.warn('an account of the configuration file exists in the store too; the store’s stands', { aor })
  }

  async #startEngine(store: WatchedStore, clock: Clock, mailboxes: Xdms | undefined): Promise<DrivenEngine> {
    const { config, log, entropy, makeEngine } = this.#options
    const { counters } = this
    // The sockets come before the engine, which needs their ports; until the loop starts they deliver to nobody.
    let loop: Loop | undefined
    const datagrams = new Datagrams(
      {
        received: (flow, bytes) => loop?.received(flow, bytes),
        failed: (flow, reason) => loop?.closed(flow, reason),
      },
      counters,
    )
    const streams = new Streams(
      {
        opened: flow => loop?.opened(flow),
        received: (flow, bytes) => loop?.received(flow, bytes),
        closed: (flow, reason) => loop?.closed(flow, reason),
        full: (flow, isFull) => loop?.full(flow, isFull),
      },
      counters,
      entropy,
      this.#doors(),
    )
    this.#closings.push(async () => {
      loop?.end()
      await Promise.all([streams.closeAll(STREAM_STOP_MS), datagrams.close()])
    })
    await this.#listen(datagrams, streams)
    const engine = await makeEngine({
      config,
      sip: this.sip,
      msrp: this.msrp,
      addresses: machineAddresses(),
      ...(this.certificates && { localFingerprint: () => this.certificates!.fingerprint }),
      entropy,
      log,
      counters,
    })
    loop = new Loop({ engine, clock, log, counters })
    this.#loop = loop
    this.#streams = streams
    this.#closings.push(() => endWork(engine, loop, streams, store))
    loop.start({ datagrams, streams, dns: new Dns(), store, mailboxes })
    streams.open()
    return engine
  }

  #doors(): Doors {
    const { config, log } = this.#options
    const { certificates, counters } = this
    return new Doors({
      certificates,
      dial: dialPolicy(config.tls),
      isAllowedOrigin: originPolicy(config),
      counters,
      log,
    })
  }

  async #listen(datagrams: Datagrams, streams: Streams): Promise<void> {
    const { sip, msrp } = listeners(this.#options.config)
    for (const listener of sip) {
      const isDatagram = listener.transport === 'udp'
      const endpoint = isDatagram ? await datagrams.listen(listener) : await streams.listen('sip', listener)
      this.sip.push({ transport: listener.transport, endpoint })
    }
    for (const listener of msrp)
      this.msrp.push({ transport: listener.transport, endpoint: await streams.listen('msrp', listener) })
  }
}
