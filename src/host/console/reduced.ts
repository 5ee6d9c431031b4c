import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { listeners } from '../../base/config.ts'
import { Counters } from '../../base/counters.ts'
import type { Entropy } from '../../base/entropy.ts'
import type { Log } from '../../base/log.ts'
import { VERSION } from '../../base/product.ts'
import type { Now, WallTime } from '../../base/time.ts'
import type { ReducedServices } from '../../console/services.ts'
import { Access } from '../access.ts'
import { Administrators } from '../administrators.ts'
import { Backups } from '../backups.ts'
import { Clock } from '../clock.ts'
import { testDisk } from '../diagnosis/disk-test.ts'
import { testMsrp, testSip } from '../diagnosis/network-tests.ts'
import { isPowerOn, presenceLeftS } from '../diagnosis/presence.ts'
import { recoverPassword } from '../diagnosis/recovery.ts'
import { reload } from '../diagnosis/restarting.ts'
import { Dns } from '../dns.ts'
import { markForReset } from '../factory-reset.ts'
import { Jobs } from '../jobs.ts'
import { becomeOwner } from '../owner.ts'
import { messageOf } from '../plain-error.ts'
import { QueueDesk } from '../queue-desk.ts'
import { dataDirIn } from '../reset-configuration.ts'
import { Restoring } from '../restoring.ts'
import { SystemTime } from '../system-time.ts'
import { restoreUnconfirmed } from '../trial-file.ts'
import { bootId } from '../watchdog/run-book.ts'
import { machineFiles } from './files.ts'
import { Journal } from './journal.ts'
import { lockOwner } from './lock-owner.ts'
import { mendedConfig } from './mended-config.ts'
import { ReducedConfiguration } from './reduced-configuration.ts'
import { factsOf, onDiskOf } from './reduced-facts.ts'
import { type OpenStore, ReducedStore } from './reduced-store.ts'
import { startsIn } from './starts.ts'
import { startUnit } from './system-programs.ts'

/** What the user of the service is in by its unit: serial lines, and the journal. */
const GROUPS = ['dialout', 'tty', 'systemd-journal']

interface ReducedParts {
  /** The configuration file, whatever is in it. */
  readonly file: string
  /** Why the console is reduced. */
  readonly why: string
  readonly openStore: OpenStore
  readonly entropy: Entropy
  readonly log: Log
}

/** What a console can still do where the service does not run. */
export class ReducedBox {
  readonly services: ReducedServices
  /** Of the configuration, as the command `check` tells them. */
  readonly errors: readonly string[]
  readonly #closings: (() => unknown)[] = []

  constructor({ file, why, openStore, entropy, log }: ReducedParts) {
    const before = mendedConfig(file)
    const dataDir = resolve(dataDirIn(file) ?? before.config.data_dir)
    if (existsSync(dataDir)) becomeOwner(dataDir, GROUPS)
    // As the next start does it; else it would undo what is changed here.
    const isBack =
      lockOwner(dataDir) === undefined &&
      existsSync(`${file}.unconfirmed`) &&
      troubleIn(() => restoreUnconfirmed(file)) === undefined
    const mended = isBack ? mendedConfig(file) : before
    const { config, errors } = mended
    const isThere = existsSync(dataDir)
    const noFolder = `data_dir: ${dataDir} is not there, so nobody can log in. Mount it, or put data_dir right in ${file}.`
    this.errors = isThere ? errors : [...errors, noFolder]
    const store = new ReducedStore(dataDir, config, openStore)
    this.#closings.push(() => store.close())
    const clock = new Clock(0 as WallTime)
    const now = () => clock.now()
    const access = new Access({ entropy, log, now })
    const accessTrouble = troubleIn(() => access.use(Administrators.open(dataDir, entropy, Date.now), new Counters()))
    const configuration = new ReducedConfiguration(file, mended, log)
    this.#closings.push(() => configuration.close())
    const link = { ask: store.need.bind(store) }
    const restoring = new Restoring({
      ...{ target: file, configuration, access, log },
      replace: (_config, replacing) => replacing.run(),
      isBesideService: true,
    })
    const jobs = this.#jobs(config.deferral.reserve_bytes, now, entropy, log)
    const parts = { config, dataDir, store, openStore, restoring, entropy, now }
    const network = { hostname: config.hostname || hostname(), ...listeners(config), dns: new Dns(), entropy, now }
    const presence = () => presenceLeftS({ wasSwitchedOn: () => isPowerOn(startsIn(dataDir), bootId()) })
    this.services = {
      reduced: why,
      facts: () =>
        factsOf({ ...{ file, dataDir, errors, store, accessTrouble }, reserveBytes: config.deferral.reserve_bytes }),
      onDisk: onDiskOf({ dataDir, store, reserveBytes: config.deferral.reserve_bytes }),
      access: accessTrouble === undefined ? access : undefined,
      queue: new QueueDesk({ link, now, deliver: () => {}, isPushActive: config.delivery.active_default }),
      configuration,
      logs: new Journal(),
      time: new SystemTime({ clock, log }),
      // Of a box that only stands still, what it was about to restore is left alone.
      backups: jobs && !lockOwner(dataDir) ? new Backups({ ...parts, jobs, snapshot: () => undefined }) : undefined,
      jobs,
      files: machineFiles({ dataDir, reserveBytes: config.deferral.reserve_bytes }),
      diagnosis: {
        testSip: (target, signal) => testSip(network, target, signal),
        testMsrp: (target, signal) => testMsrp(network, target, signal),
        testDisk: signal => testDisk({ dataDir, reserveBytes: config.deferral.reserve_bytes }, signal),
        presenceLeftS: presence,
        recoverPassword: line => recoverPassword({ access, presenceLeftS: presence, log }, line),
        reload: async (what, who) => (what === 'service' ? startUnit() : reload({ dataDir, log }, what, who)),
        factoryReset: async level => troubleIn(() => markForReset(dataDir, level)) ?? startUnit(),
      },
      log,
      hostname: config.hostname || hostname(),
      domain: config.domain,
      version: VERSION,
    }
  }

  /** What one of them writes stays for as long as this console is open. */
  #jobs(reserveBytes: number, now: () => Now, entropy: Entropy, log: Log): Jobs | undefined {
    let dir: string
    try {
      dir = mkdtempSync(join(tmpdir(), 'restante-console-'))
    } catch {
      // No room, or read-only: the rest of the console does without.
      return undefined
    }
    const jobs = new Jobs({ dir, reserveBytes, entropy, now, log })
    this.#closings.push(() => rmSync(dir, { recursive: true, force: true }))
    this.#closings.push(() => jobs.close())
    return jobs
  }

  async close(): Promise<void> {
    for (const close of this.#closings.splice(0).reverse()) await close()
  }
}

/** What went wrong, in words. */
function troubleIn(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
