import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../../base/log.ts'
import { HostStore } from '../../testing/host-store.ts'
import { basic, OpenedPage } from '../page.fixture.ts'
import { RunBook } from './run-book.ts'

const ROOMY = { freeBytes: () => 10_000_000_000 }

const textOf = (html: string): string =>
  html
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/\s+/g, ' ')

t.test('Status, the API and /metrics say whether messages get on, and why the box was started', async t => {
  const dir = t.testdir({ data: {} })
  const before = new RunBook(join(dir, 'data'), { boot: 'the start of the machine before' }, silentLog)
  before.serves({ wall: Date.now() as never, isWallTrusted: true })
  const store = new HostStore(ROOMY)
  const page = await OpenedPage.open(dir, { store, more: '[watchdog]\ndevice = "/dev/none/watchdog"' })
  t.teardown(() => page.close())
  page.access.finishSetup()
  await page.watch.tick()
  const headers = basic('admin', page.secret)
  const text = textOf((await page.ask('/', { headers: { ...headers, 'accept-language': 'en' } })).body)
  t.match(text, /Watch State messages get on/)
  t.match(text, /Self-test: .* none yet/)
  t.match(text, /Listeners, tried from this machine 0 answer/)
  t.match(text, /Standstill of the program left to the service manager/)
  t.match(text, /does not watch: \/dev\/none\/watchdog: ENOENT/, 'an alarm')
  t.match(text, /started 1 time after an end that was not in order; the latest: the power failed/)
  t.match(text, /Starts, and why/)
  t.match(textOf((await page.ask('/', { headers: { ...headers, 'accept-language': 'de' } })).body), /Stromausfall/)
  const answer = JSON.parse((await page.ask('/api/v1/status', { headers })).body)
  t.match(answer, {
    starts: 2,
    resets: [{ kind: 'power' }, { kind: 'first', clock_trusted: true }],
    progress: {
      condition: 'ready',
      self_test: { result: 'none yet', failures: 0, ago_s: null },
      listeners: { answering: 0, silent: [], untold: [] },
      service_watchdog_s: null,
      deadman_s: null,
      watchdog_device: { device: '/dev/none/watchdog', timeout_s: null, problem: /ENOENT/ },
    },
  })
  const metrics = (await page.ask('/metrics')).body
  t.match(metrics, /^restante_starts 2$/m)
  t.match(metrics, /^restante_last_reset_power 1$/m)
  t.match(metrics, /^restante_progress_listeners_silent 0$/m)
  t.match(metrics, /^restante_progress_store_ms \d+$/m)
})
