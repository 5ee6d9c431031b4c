import { join } from 'node:path'
import type { FastifyPluginAsync } from 'fastify'
import { httpListeners, listeners, xcapRoot } from '../base/config.ts'
import { xcap } from '../web/xcap/plugin.ts'
import { accountsOfFile } from './accounts.ts'
import { machineAddresses } from './addresses.ts'
import type { Opening } from './box-options.ts'
import { Certificates } from './certificates.ts'
import { Clock } from './clock.ts'
import { Jobs } from './jobs.ts'
import type { OutsideStore } from './outside-store.ts'
import { storeError } from './plain-error.ts'
import { authorities, dialPolicy } from './tls-dial.ts'
import type { WatchedStore } from './watched-store.ts'
import { Xdms } from './xdms.ts'
import { XdmsClient } from './xdms-client.ts'

/** Parts of the box, each opened out of its configuration. */

/** How often the store is told what time it is. After a power cut without an RTC no more than this is in doubt. */
const CLOCK_FLOOR_MS = 300_000

export async function startClock(store: WatchedStore, { dataDir, log, onClose }: Opening): Promise<Clock> {
  const status = await store.ask('status', {})
  if ('failure' in status) throw storeError(dataDir, status)
  const clock = new Clock(status.value.clockFloor)
  if (!clock.now().isWallTrusted)
    log.warn('the clock stands before a time already seen; nothing expires until it is set')
  const timer = setInterval(() => {
    const wall = clock.nextFloor()
    if (wall !== undefined) store.submit({ verb: 'clock', wall }, () => {})
  }, CLOCK_FLOOR_MS)
  onClose(() => clearInterval(timer))
  return clock
}

/** Accounts of the configuration file. */
export async function provision(store: WatchedStore, { config, dataDir, log }: Opening): Promise<void> {
  const result = await store.ask('account.provision', { accounts: accountsOfFile(config) })
  if ('failure' in result) throw storeError(dataDir, result)
  for (const aor of result.value.shadowed)
    log.warn('an account of the configuration file exists in the store too; the store’s stands', { aor })
}

/** Undefined: nothing speaks TLS. */
export async function openCertificates(
  clock: Clock,
  { config, dataDir, log, onClose }: Opening,
): Promise<Certificates | undefined> {
  const { sip, msrp } = listeners(config)
  const all = [...sip, ...msrp, ...httpListeners(config)]
  if (!all.some(({ transport }) => transport === 'tls' || transport === 'wss')) return undefined
  const { hostname, domain, tls } = config
  const certificates = await Certificates.open({
    certificate: tls.certificate,
    key: tls.key,
    dataDir,
    names: { hostname, domain, addresses: machineAddresses() },
    log,
    wall: () => {
      const now = clock.now()
      return now.isWallTrusted ? now.wall : undefined
    },
  })
  certificates.watch()
  onClose(() => certificates.close())
  return certificates
}

/** Undefined: the lists are kept nowhere else. */
export function openXdms(
  store: WatchedStore,
  clock: Clock,
  { config, log, entropy, counters, onClose }: Opening,
): Xdms | undefined {
  const { root, user, password } = config.xdms
  if (root === '') return undefined
  const ca = authorities(dialPolicy(config.tls).ca)
  const client = new XdmsClient({ root, user, password, ca, entropy })
  const xdms = new Xdms({ store, client, now: () => clock.now(), entropy, counters, log })
  onClose(() => xdms.close())
  xdms.start()
  return xdms
}

export function openJobs(clock: Clock, { config, dataDir, log, entropy, onClose }: Opening): Jobs {
  const jobs = new Jobs({
    dir: join(dataDir, 'jobs'),
    reserveBytes: config.deferral.reserve_bytes,
    entropy,
    now: () => clock.now(),
    log,
  })
  onClose(() => jobs.close())
  return jobs
}

export function xcapOf(
  store: OutsideStore,
  clock: Clock,
  { config, log, entropy, counters }: Opening,
): FastifyPluginAsync {
  const { algorithms } = config.auth
  const { enabled, retention_s } = config.history
  const history = enabled ? { historyRetentionS: retention_s } : {}
  const root = xcapRoot(config)
  const now = () => clock.now()
  return xcap({ store, domain: config.domain, algorithms, root, now, entropy, counters, log, ...history })
}
