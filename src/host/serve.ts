import { resolve } from 'node:path'
import type { FastifyPluginAsync } from 'fastify'
import { httpListeners } from '../base/config.ts'
import type { Diagnosis } from '../services/diagnosis.ts'
import { pages } from '../web/page/plugin.ts'
import { Access } from './access.ts'
import { accessApi } from './access-api.ts'
import { unknownApi } from './admin-api.ts'
import { Administrators } from './administrators.ts'
import { backupApis } from './backup-api.ts'
import { Backups } from './backups.ts'
import type { BoundListener, HttpAddress, Opening, ServeOptions } from './box-options.ts'
import { StatusWatch } from './box-status.ts'
import type { Certificates } from './certificates.ts'
import type { Clock } from './clock.ts'
import { consoleServices } from './console/services.ts'
import { ControlServer } from './control.ts'
import { custodyOf } from './custody-numbers.ts'
import { Capture } from './diagnosis/capture.ts'
import { DiagnosisDesk } from './diagnosis/desk.ts'
import { askOwn } from './diagnosis/own-listeners.ts'
import { diagnosisApi } from './diagnosis-api.ts'
import { type Credential, makeFirstAccounts } from './first-start.ts'
import { Health } from './health.ts'
import { HttpServer } from './http.ts'
import { makeDataDir } from './lock.ts'
import { type Machine, machine, machineApis } from './machine.ts'
import { openCertificates, openJobs, openXdms, provision, startClock, xcapOf } from './opening.ts'
import { OutsideStore } from './outside-store.ts'
import { lockForServing } from './owner.ts'
import { people, peopleApis } from './people.ts'
import { messageOf } from './plain-error.ts'
import { undoSwap } from './restore-swap.ts'
import { type RunningEngine, runEngine } from './running-engine.ts'
import { statusApi } from './status-api.ts'
import { Support } from './support.ts'
import { supportApi } from './support-api.ts'
import { ListenerWatch } from './watchdog/listener-watch.ts'
import { watchedFromTheStart } from './watched-counters.ts'
import { WatchedStore } from './watched-store.ts'
import { type BoxServices, webServices } from './web-services.ts'
import type { Xdms } from './xdms.ts'

/** What makes a message safe: it stands before anything that brings or takes one. */
interface Custody {
  readonly administrators: Administrators
  readonly store: WatchedStore
  readonly clock: Clock
  readonly health: Health
}

interface Working extends RunningEngine {
  readonly xdms: Xdms | undefined
  readonly capture: Capture
  /** The store for those outside of the engine. */
  readonly outside: OutsideStore
}

/** A box that serves: opened piece by piece, closed in the reverse order, also where opening broke off. */
export class Box {
  readonly counters = watchedFromTheStart()
  readonly dataDir: string
  sip: readonly BoundListener[] = []
  msrp: readonly BoundListener<'tcp' | 'tls'>[] = []
  readonly http: HttpAddress[] = []
  /** Shown once, at the very first start. */
  credentials: readonly Credential[] = []
  /** Undefined where nothing speaks TLS. */
  certificates: Certificates | undefined
  /** What a technician tries at it; once it serves. */
  diagnosis: Diagnosis | undefined
  /** Undefined until it stands. */
  custody: Custody | undefined

  readonly #options: ServeOptions
  readonly #opening: Opening
  /** Who tries its listeners, once it serves; undefined where nobody watches it. */
  trials: ListenerWatch | undefined
  readonly #httpServers: HttpServer[] = []
  readonly #closings: (() => void | Promise<void>)[] = []

  private constructor(options: ServeOptions) {
    const { config, log, entropy } = options
    this.#options = options
    this.dataDir = resolve(config.data_dir)
    const { dataDir, counters } = this
    this.#opening = { config, dataDir, log, entropy, counters, onClose: close => this.#closings.push(close) }
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
    const { config, entropy, firstAccounts, isUnseen = false } = this.#options
    const custody = await this.#openCustody()
    this.custody = custody
    const working = await this.#openEngine(custody)
    await this.#openServices(custody, working)
    this.#opening.onClose(() => custody.health.stopping())
    const { watch } = this.#options
    this.trials = watch && this.#tryListeners(working)
    if (watch) this.#opening.onClose(watch.use({ config, ...custody, ...working, trials: this.trials }))
    // Last of all: passwords are shown once, so nothing may go wrong between making and showing them.
    const { dataDir } = this
    const users = firstAccounts ?? []
    this.credentials = await makeFirstAccounts({ config, dataDir, ...custody, entropy, users, isUnseen })
  }

  async #openCustody(): Promise<Custody> {
    const { config, log, entropy, openStore } = this.#options
    const { onClose } = this.#opening
    makeDataDir(this.dataDir)
    const lock = await lockForServing(this.dataDir)
    onClose(() => lock.release())
    this.#options.watch?.began(this.dataDir, config)
    undoSwap(this.dataDir)
    const administrators = Administrators.open(this.dataDir, entropy, Date.now)
    const store = new WatchedStore(await openStore(this.dataDir, config, log), log)
    onClose(() => store.close())
    const clock = await startClock(store, this.#opening)
    await provision(store, this.#opening)
    const health = new Health(store, clock, config.deferral.reserve_bytes)
    return { administrators, store, clock, health }
  }

  async #openEngine({ store, clock }: Custody): Promise<Working> {
    const { makeEngine } = this.#options
    this.certificates = await openCertificates(clock, this.#opening)
    const { certificates } = this
    const xdms = openXdms(store, clock, this.#opening)
    const capture = new Capture()
    const isSelfTesting = this.#options.watch !== undefined
    const needs = { makeEngine, store, clock, certificates, mailboxes: xdms, capture, isSelfTesting }
    const running = await runEngine(this.#opening, needs)
    this.sip = running.sip
    this.msrp = running.msrp
    const outside = new OutsideStore(store, (request, result) => running.loop.storeChanged(request, result))
    return { ...running, xdms, capture, outside }
  }

  async #openServices(custody: Custody, working: Working): Promise<void> {
    const { engine, loop, streams, xdms, outside, capture } = working
    const { config, log, entropy, restoring, openStore } = this.#options
    const { dataDir, counters, certificates } = this
    const { onClose } = this.#opening
    const { store, clock, health } = custody
    const now = () => clock.now()
    const access = this.#options.access ?? new Access({ entropy, log, now })
    access.use(custody.administrators, counters)
    const jobs = openJobs(clock, this.#opening)
    const parts = { config, store: outside, jobs, entropy, now }
    const backups =
      restoring && new Backups({ ...parts, dataDir, restoring, openStore, snapshot: () => store.snapshot() })
    const { consoles } = this.#options
    const control = await ControlServer.open(dataDir, outside, { makeBackup: backups?.file.bind(backups), consoles })
    onClose(() => control.close())
    const persons = people({ ...parts, isFlowOpen: id => streams.has(id), deliver: aor => loop.deliver(aor) })
    const lookedAfter: Machine = machine({ config, dataDir, clock, certificates, log })
    const status = new StatusWatch({
      ...{ config, dataDir, clock, store: outside, counters, health, log },
      ...{ sip: this.sip, msrp: this.msrp, http: this.http, describe: () => engine.describe() },
      certificateUntil: () => certificates && Date.parse(certificates.pair.leaf.validTo),
      clockSource: async () => (await lookedAfter.time.view()).source,
      board: this.#options.board,
      isRecovered: () => access.recoveredAt !== undefined,
      consoleTrouble: () => consoles?.lineTrouble,
      watch: this.#options.watch,
    })
    const { sip, msrp } = this
    const { again, isShippedKnown, watch } = this.#options
    this.diagnosis = new DiagnosisDesk({
      ...{
        config,
        dataDir,
        sip,
        msrp,
        certificates,
        capture,
        store,
        clock,
        access,
        entropy,
        log,
        again,
        isShippedKnown,
      },
      starts: () => watch?.resets ?? [],
    })
    const describe = async (): Promise<object> => ({
      ...engine.describe(),
      ...(await custodyOf(store)),
      ...(xdms && { xdms: xdms.describe() }),
      ...this.#options.watch?.describe(),
    })
    const support = new Support({ config, status, dataDir, counters, describe, wall: () => clock.now().wall })
    const services = webServices(config, {
      ...{ access, store: outside, log, status, backups, support },
      ...persons,
      ...lookedAfter,
    })
    const plugins = [
      accessApi({ guarded: services, log }),
      ...peopleApis(persons, { ...parts, guarded: services, log }),
      unknownApi({ guarded: services, log }),
      xcapOf(outside, clock, this.#opening),
      ...this.#pages(services),
    ]
    await this.#serveHttp({ health, counters, describe, hosts: services.hosts, plugins, certificates })
    status.start()
    onClose(() => status.stop())
    await this.#openConsoles(services)
  }

  async #openConsoles(services: BoxServices): Promise<void> {
    const { config, configuration, logs, consoles } = this.#options
    const { counters, diagnosis } = this
    if (!consoles || !configuration || !logs || !diagnosis) return
    const known = consoleServices(services, { config, configuration, logs, diagnosis })
    await consoles.use({ services: known, config, counters })
  }

  async #serveHttp(options: Parameters<typeof HttpServer.listen>[1]): Promise<void> {
    for (const listener of httpListeners(this.#options.config)) {
      const { http, at } = await HttpServer.listen(listener, options)
      this.#opening.onClose(() => http.close())
      this.#httpServers.push(http)
      this.http.push({ ...at, isSecure: listener.transport === 'tls' })
    }
  }

  #tryListeners({ listeners, loop }: Working): ListenerWatch {
    const { config, entropy, log } = this.#options
    const trials = new ListenerWatch({
      listeners: [...listeners, ...this.#httpServers],
      ask: (listener, limited) => askOwn({ hostname: config.hostname, entropy }, listener, limited),
      isHeld: () => loop.isHeld,
      ...{ log, counters: this.counters },
    })
    trials.start()
    this.#opening.onClose(() => trials.stop())
    return trials
  }

  #pages(services: BoxServices): FastifyPluginAsync[] {
    const { configuration, logs } = this.#options
    if (!configuration || !logs) return []
    const all = { ...services, configuration, logs }
    const trying = diagnosisApi({ guarded: services, diagnosis: this.diagnosis!, log: services.log })
    return [...machineApis(all), statusApi(all), ...backupApis(all), supportApi(all), trying, pages(all)]
  }
}
