import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, Server } from 'node:net'
import t from 'tap'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { WallTime } from '../base/time.ts'
import { HostStore } from '../testing/host-store.ts'
import { Clock } from './clock.ts'
import { Health } from './health.ts'
import { HttpServer } from './http.ts'
import { WatchedStore } from './watched-store.ts'

const RESERVE = 1000

const listener = (port = 0) =>
  ({ transport: 'tcp', endpoint: { address: '127.0.0.1', port }, key: 'listen.http' }) as const

/** A server over a store whose free space and failures the test sets, and a clock that the test moves past what is kept. */
const setUp = async () => {
  const space = { free: RESERVE }
  const time = { at: 0 }
  const host = new HostStore({ freeBytes: () => space.free })
  const store = new WatchedStore(host, silentLog)
  const clock = new Clock(0 as WallTime, { monotonic: () => (time.at += 1001), wall: () => Date.UTC(2030, 0, 1) })
  const health = new Health(store, clock, RESERVE)
  const counters = new Counters()
  const describe = async () => ({
    msrp: { openSessions: 3, names: ['x'] },
    'odd name': 1,
    servers: { 'INVITE accepted': 2 },
  })
  const { http, at } = await HttpServer.listen(listener(), { health, counters, describe, hosts: ['edge1.example.org'] })
  t.teardown(() => http.close())
  const get = (path: string) => fetch(`http://127.0.0.1:${at.port}${path}`)
  return { space, host, store, health, counters, get, at, http }
}

t.test('/healthz says 200 and ok while custody can be accepted', async t => {
  const { get } = await setUp()
  const reply = await get('/healthz')
  t.equal(reply.status, 200)
  t.equal(await reply.text(), '{"status":"ok"}')
})

t.test('/healthz says 503 and why: flash reserve, a store that cannot write, stopping', async t => {
  const { space, host, store, health, get } = await setUp()
  const reason = async () => {
    const reply = await get('/healthz')
    t.equal(reply.status, 503)
    return ((await reply.json()) as { reason: string }).reason
  }
  space.free = RESERVE - 1
  t.match(await reason(), /999 bytes are free, fewer than deferral\.reserve_bytes/)
  space.free = RESERVE
  host.failure = { failure: 'full', detail: 'ENOSPC' }
  await store.ask('clock', { wall: 0 as WallTime })
  t.match(await reason(), /the store cannot write: no space: ENOSPC/)
  host.failure = undefined
  t.equal((await get('/healthz')).status, 200, 'well again without anybody writing')
  host.failure = { failure: 'busy', detail: 'many' }
  t.match(await reason(), /the store does not answer: many/)
  health.stopping()
  t.match(await reason(), /stopping/)
})

t.test('/metrics is Prometheus text: prefix, counters end in _total', async t => {
  const { get, counters } = await setUp()
  counters.count('udp_dropped', 'send queue', 2)
  counters.count('messages_stored')
  const reply = await get('/metrics')
  t.match(reply.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  const lines = (await reply.text()).split('\n')
  t.ok(lines.includes('# TYPE restante_udp_dropped_total counter'))
  t.ok(lines.includes('restante_udp_dropped_total{kind="send queue"} 2'))
  t.ok(lines.includes('restante_messages_stored_total 1'))
  t.ok(lines.includes('# TYPE restante_msrp_open_sessions gauge'))
  t.ok(lines.includes('restante_msrp_open_sessions 3'))
  t.ok(lines.includes('restante_odd_name 1'))
  t.ok(lines.includes('restante_servers_invite_accepted 2'))
  for (const line of lines) t.match(line, /^$|^# |^restante_/)
})

t.test('/metrics is served under addresses and own names alone, /healthz under any', async t => {
  const { at } = await setUp()
  const statusAs = (host: string, path: string) =>
    new Promise<number>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: at.port, path, headers: { host } }, response => {
        response.resume()
        resolve(response.statusCode!)
      })
      sent.on('error', reject)
      sent.end()
    })
  for (const host of ['edge1.example.org', 'EDGE1.example.org:8080', '192.0.2.1', '[2001:db8::1]:80', 'localhost'])
    t.equal(await statusAs(host, '/metrics'), 200, host)
  for (const host of ['rebound.example', 'edge1.example.org.rebound.example']) {
    t.equal(await statusAs(host, '/metrics'), 421, host)
    t.equal(await statusAs(host, '/healthz'), 200, host)
  }
})

t.test('what no plugin serves is not there', async t => {
  const { get } = await setUp()
  t.equal((await get('/')).status, 404)
  t.equal((await get('/api/v1/openapi.json')).status, 404)
})

t.test('a port that is taken is told with key, address and what to do', async t => {
  const { health, counters, at } = await setUp()
  const again = HttpServer.listen(listener(at.port), { health, counters, describe: async () => ({}), hosts: [] })
  await t.rejects(again, /^listen\.http: cannot listen on TCP 127\.0\.0\.1:\d+: another program listens there/)
})

t.test('a port that is not free when it is opened anew leaves nothing behind, and is had once it is free', async t => {
  const { http, at, get } = await setUp()
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles()
  const isOurs = (handle: unknown) => handle instanceof Server && (handle.address() as AddressInfo)?.port === at.port
  const server = handles.find(isOurs) as Server
  const waiting = (): number[] => ['listening', 'error'].map(name => server.listenerCount(name))
  const before = waiting()
  server.close()
  const other = new Server().listen(at.port, '127.0.0.1')
  await once(other, 'listening')
  for (let i = 0; i < 5; i++) await t.rejects(http.reopen(), { code: 'EADDRINUSE' })
  t.same(waiting(), before)
  await new Promise(resolve => other.close(resolve))
  await http.reopen()
  t.equal((await get('/healthz')).status, 200)
})
