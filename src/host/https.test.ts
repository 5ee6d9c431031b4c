import { request } from 'node:https'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { WallTime } from '../base/time.ts'
import { Authority, dns } from '../testing/authority.ts'
import { HostStore } from '../testing/host-store.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { writtenCertificate } from '../testing/written-certificate.ts'
import { xcap } from '../web/xcap/plugin.ts'
import { accountWithPassword } from './accounts.ts'
import { Clock } from './clock.ts'
import { Health } from './health.ts'
import { HttpServer } from './http.ts'
import { OutsideStore } from './outside-store.ts'
import { WatchedStore } from './watched-store.ts'

const LIST = '/xcap/org.openmobilealliance.deferred-list/users/sip:bob@example.org/deferred-list'

t.test('listen.https: basic is taken there, and a renewed certificate is shown', async t => {
  const authority = await Authority.make()
  const { certificates, write } = await writtenCertificate(authority, t.testdir({}))
  const store = new WatchedStore(new HostStore(), silentLog)
  const account = accountWithPassword('sip:bob@example.org', 'p:w', 'example.org', 'store')
  await store.ask('account.put', { account: { ...account } })
  const clock = new Clock(0 as WallTime)
  const counters = new Counters()
  const parts = { domain: 'example.org', algorithms: ['MD5'] as const, entropy: new SeededEntropy(1), log: silentLog }
  const root = 'https://edge1.example.org/xcap/'
  const plugin = xcap({ ...parts, store: new OutsideStore(store), now: () => clock.now(), root, counters })
  const options = {
    health: new Health(store, clock, 0),
    counters,
    describe: async () => ({}),
    hosts: [],
    plugins: [plugin],
  }
  const listener = { transport: 'tls', endpoint: { address: '127.0.0.1', port: 0 }, key: 'listen.https' } as const
  const { http, at } = await HttpServer.listen(listener, { ...options, certificates })
  t.teardown(() => http.close())
  const get = (path: string, user?: string) =>
    new Promise<{ status: number; challenges: string | undefined; shown: string }>((resolve, reject) => {
      const auth = user === undefined ? {} : { auth: user }
      const to = {
        port: at.port,
        path,
        ca: authority.certificate,
        servername: 'edge1.example.org',
        agent: false,
        ...auth,
      }
      request(to, response => {
        const shown = (response.socket as TLSSocket).getPeerCertificate().fingerprint256
        const challenges = response.headers['www-authenticate']
        response.resume().on('end', () => resolve({ status: response.statusCode!, challenges, shown }))
      })
        .on('error', reject)
        .end()
    })
  t.equal((await get('/healthz')).status, 200)
  const { status, challenges, shown } = await get(LIST)
  t.equal(status, 401)
  t.match(challenges, /^Digest .*, Basic realm="example\.org", charset="UTF-8"$/)
  for (const user of ['bob:p:w', 'bob@example.org:p:w']) t.equal((await get(LIST, user)).status, 200, user)
  for (const user of ['bob:pw', 'bob', 'bob:', 'alice:p:w', 'bob@example.com:p:w', ':'])
    t.equal((await get(LIST, user)).status, 401, user)
  for (let tries = 0; tries < 8; tries++) await get(LIST, `bob:guess${tries}`)
  t.equal((await get(LIST, 'bob:p:w')).status, 429, 'whoever guesses is slowed down')
  write(await authority.issue({ names: [dns('edge1.example.org')] }))
  certificates.reload()
  t.not((await get('/healthz')).shown, shown)
})
