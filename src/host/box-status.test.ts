import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../base/config.ts'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { HostStore } from '../testing/host-store.ts'
import { accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { StatusWatch } from './box-status.ts'
import { OutsideStore } from './outside-store.ts'

const MINUTE = 60_000

/** A box whose clock is moved by hand. */
function watched(dataDir: string) {
  const loaded = loadConfig(
    `domain = "example.org"
    [auth]
    trusted_peers = ["192.0.2.0/24"]
    [core]
    route = "sip:core.example.org;lr"`,
    'test.toml',
  )
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  const host = new HostStore({ freeBytes: () => 10_000_000_000 })
  host.model.execute(accountPut(BOB_AOR))
  const counters = new Counters()
  const time = { ms: 0, isWallTrusted: true, until: undefined as number | undefined, asked: 0 }
  const now = (): Now => ({
    at: (5000 + time.ms) as Instant,
    wall: (STORED_AT + time.ms) as WallTime,
    isWallTrusted: time.isWallTrusted,
  })
  const watch = new StatusWatch({
    config: loaded.config,
    dataDir,
    clock: { now, trustedWall: STORED_AT },
    store: new OutsideStore(host),
    counters,
    describe: () => ({ delivery: { running: 2, queued: 'no number' }, flows: { streams: { open: 7 } }, relay: [] }),
    health: { problem: async () => undefined, isStuck: false },
    sip: [{ transport: 'wss', endpoint: { address: '2001:db8::1', port: 443 } }],
    msrp: [],
    http: [{ address: '127.0.0.1', port: 8080, isSecure: false }],
    certificateUntil: () => time.until,
    clockSource: async () => {
      time.asked++
      return 'synchronised'
    },
    log: silentLog,
  })
  return { watch, host, counters, time }
}

t.test('each minute is counted, whoever looks; what was read of the box comes with it', async t => {
  const { watch, host, counters, time } = watched(t.testdir({ mailbox: { 'data.mdb': 'x'.repeat(10_000) } }))
  await watch.minute()
  counters.count('messages_stored', 'new', 5)
  counters.count('messages_stored', 'duplicate', 50)
  counters.count('large_messages_stored', 'new')
  counters.count('messages_delivered', 'msrp', 3)
  counters.count('messages_delivered', 'fetch')
  counters.count('messages_refused', '603', 2)
  counters.count('large_messages_refused', 'INVITE')
  host.model.execute(custodyOf(1, { receivedAt: (STORED_AT - 1000) as WallTime }))
  time.ms += MINUTE
  await watch.minute()
  const status = await watch.status()
  t.match(status, {
    at: STORED_AT + MINUTE,
    uptimeS: 60,
    custody: {
      waiting: 1,
      oldestAt: STORED_AT - 1000,
      stored: 6,
      delivered: 4,
      refused: 3,
      storedPerMinute: 6,
      deliveredPerMinute: 4,
      refusedLastHour: 3,
      delivering: 2,
      queued: 0,
    },
    peers: { sipStreams: 7, calls: 0, trusted: ['192.0.2.0/24'], coreRoute: 'sip:core.example.org;lr' },
    clock: { source: 'synchronised', isTrusted: true },
    alarms: [
      { id: 'messages-refused', count: 2 },
      { id: 'large-refused', count: 1 },
    ],
  })
  t.ok(status.flash.usedBytes >= 8192, 'what lies in the folder of the box')
  const open = status.listeners.filter(({ at }) => at !== undefined)
  t.match(open, [
    { key: 'listen.sip_wss', at: '[2001:db8::1]:443' },
    { key: 'listen.http', at: '127.0.0.1:8080' },
  ])
  t.equal(status.listeners.length, 9, 'what is switched off is said too')
})

t.test('a certificate that ends is an alarm, but not while nobody knows what day it is', async t => {
  const { watch, time } = watched(t.testdir({}))
  time.until = STORED_AT + 3.5 * 86_400_000
  t.match(await watch.alarms(), [{ id: 'certificate-ends', count: 3 }])
  time.ms += 5 * 86_400_000
  t.match(await watch.alarms(), [{ id: 'certificate-ended', count: 2 }])
  time.ms += 1000
  time.isWallTrusted = false
  t.match(await watch.alarms(), [{ id: 'clock' }])
})

t.test(
  'many who look within a second cost as one, and programs are started only for whoever looks, seldom',
  async t => {
    const { watch, host, time } = watched(t.testdir({}))
    await watch.minute()
    t.equal(time.asked, 0)
    await watch.status()
    const before = host.asked.length
    await Promise.all(Array.from({ length: 10 }, () => watch.status()))
    t.equal(host.asked.length, before)
    time.ms += 1000
    await watch.status()
    t.ok(host.asked.length > before)
    for (let minute = 0; minute < 9; minute++) {
      time.ms += MINUTE - 1
      await watch.status()
    }
    t.equal(time.asked, 1)
    time.ms += MINUTE
    await watch.status()
    t.equal(time.asked, 2)
  },
)

t.test('plots go on after a restart', async t => {
  const dir = t.testdir({})
  const first = watched(dir)
  await first.watch.minute()
  first.counters.count('messages_stored', 'new', 9)
  first.time.ms += MINUTE
  await first.watch.minute()
  first.watch.stop()
  const second = watched(dir)
  second.time.ms = 2 * MINUTE
  const known = second.watch.series('hour').steps.filter(({ stored }) => stored !== undefined)
  t.match(known, [{ stored: 9, at: STORED_AT }])
})

t.test('what an earlier run left stands while the clock is not trusted', async t => {
  const dir = t.testdir({})
  const text = '{"hour":[],"day":[],"week":[]}'
  writeFileSync(join(dir, 'series.json'), text)
  const { watch, time } = watched(dir)
  time.isWallTrusted = false
  watch.stop()
  t.equal(existsSync(join(dir, 'series.json.new')), false)
  t.match(watched(dir).watch.series('day'), { stepS: 900 })
})

t.test('a store that does not answer leaves the latest numbers, and no hole in the page', async t => {
  const { watch, host, time } = watched(t.testdir({}))
  host.model.execute(custodyOf(1))
  t.equal((await watch.status()).custody.waiting, 1)
  host.failure = { failure: 'io', detail: 'gone' }
  time.ms += 1000
  const { custody, flash } = await watch.status()
  t.equal(custody.waiting, 1)
  t.equal(flash.freeBytes, 10_000_000_000)
})
