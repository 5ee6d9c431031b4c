import { join } from 'node:path'
import type { Test } from 'tap'
import { loadConfig } from '../base/config.ts'
import { Counters } from '../base/counters.ts'
import type { Log } from '../base/log.ts'
import { silentLog } from '../base/log.ts'
import type { Now, WallTime } from '../base/time.ts'
import type { Role } from '../services/access.ts'
import type { WebServices } from '../services/services.ts'
import { HostStore } from '../testing/host-store.ts'
import { STORED_AT } from '../testing/store-fixtures.ts'
import { pages } from '../web/page/plugin.ts'
import { Access } from './access.ts'
import type { Administrators } from './administrators.ts'
import { Clock } from './clock.ts'
import { SystemEntropy } from './entropy.ts'
import { Health } from './health.ts'
import { HttpServer } from './http.ts'
import { Jobs } from './jobs.ts'
import { OutsideStore } from './outside-store.ts'
import { people, peopleApis } from './people.ts'
import { WatchedStore } from './watched-store.ts'

const ROLES: readonly string[] = ['admin', 'operator', 'viewer'] satisfies Role[]

const CONFIG = `
domain = "example.org"
hostname = "edge1.example.org"
[listen]
sip_tcp = "0.0.0.0:5060"
[history]
active_default = true
`

/** Pages and API of users, queue and histories over a store in memory. Whoever is called as a role has it, with the password `right`. */
export async function peopleServed(t: Test) {
  const { config } = loadConfig(CONFIG, 'box.toml') as { config: Parameters<typeof people>[0]['config'] }
  const host = new HostStore()
  const store = new WatchedStore(host, silentLog)
  const told: string[] = []
  const delivered: string[] = []
  const open = new Set<string>()
  const outside = new OutsideStore(store, ({ verb }) => told.push(verb))
  const counters = new Counters()
  const clock = new Clock(0 as WallTime)
  const now = (): Now => ({ ...clock.now(), wall: STORED_AT, isWallTrusted: true })
  const entropy = new SystemEntropy()
  const jobs = new Jobs({ dir: join(t.testdir(), 'jobs'), reserveBytes: 0, entropy, now, log: silentLog })
  const parts = { config, store: outside, jobs, entropy, now }
  const persons = people({ ...parts, isFlowOpen: id => open.has(id), deliver: aor => delivered.push(aor) })
  const services = webServices(persons, outside, config, counters, clock)
  const options = {
    health: new Health(store, clock, 0),
    counters,
    describe: async () => ({}),
    hosts: [],
    plugins: [...peopleApis(persons, { ...parts, guarded: services, log: silentLog }), pages(services)],
  }
  const listener = { transport: 'tcp', endpoint: { address: '127.0.0.1', port: 0 }, key: 'listen.http' } as const
  const { http, at } = await HttpServer.listen(listener, options)
  t.teardown(async () => {
    await http.close()
    await jobs.close()
  })
  const origin = `http://127.0.0.1:${at.port}`
  const call = (path: string, init: RequestInit = {}, as: Role = 'admin') =>
    fetch(`${origin}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { authorization: `Basic ${Buffer.from(`${as}:right`).toString('base64')}`, ...init.headers },
    })
  const post = (path: string, form: Record<string, string>, as?: Role) =>
    call(path, { method: 'POST', body: new URLSearchParams(form) }, as)
  const json = (path: string, method: string, body: object, as?: Role) =>
    call(path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }, as)
  return { host, told, delivered, open, origin, call, post, json, jobs }
}

function webServices(
  persons: ReturnType<typeof people>,
  store: OutsideStore,
  config: Parameters<typeof people>[0]['config'],
  counters: Counters,
  clock: Clock,
): WebServices {
  const access = new Access({ entropy: new SystemEntropy(), log: silentLog, now: () => clock.now() })
  const roleOf = (name: string) => (ROLES.includes(name) ? (name as Role) : undefined)
  const administrators: Partial<Administrators> = {
    isNew: false,
    hasPrintedPassword: false,
    roleOf,
    roleWith: async (name, password) => (password === 'right' ? roleOf(name) : undefined),
    tokenOf: () => undefined,
  }
  access.use(administrators as Administrators, counters)
  const configuration = {
    view: () => ({ running: config, keys: [] }),
    candidates: { of: () => undefined },
  }
  const log: Log = silentLog
  return {
    ...persons,
    access,
    configuration,
    store,
    log,
    hosts: [],
    securePort: undefined,
    isPlainAllowed: false,
  } as unknown as WebServices
}
