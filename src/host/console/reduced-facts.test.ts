import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../../base/log.ts'
import { openStore } from '../open-store.ts'
import { RunBook } from '../watchdog/run-book.ts'
import { mendedConfig } from './mended-config.ts'
import { factsOf, onDiskOf } from './reduced-facts.ts'
import { type OpenStore, ReducedStore } from './reduced-store.ts'

function setUp(open: OpenStore = openStore, reserveBytes = 0) {
  const dir = t.testdir({ 'restante.toml': 'domain = "example.org"\n', data: {} })
  const file = join(dir, 'restante.toml')
  const dataDir = join(dir, 'data')
  const store = new ReducedStore(dataDir, mendedConfig(file).config, open)
  t.teardown(() => store.close())
  return { file, dataDir, store, reserveBytes, errors: [], accessTrouble: undefined }
}

t.test('figures have their unit, and starts the words that the box has for them', async t => {
  const parts = setUp()
  new RunBook(parts.dataDir, { boot: 'one' }, silentLog).ending('failed', 'the port is taken')
  const second = new RunBook(parts.dataDir, { boot: 'one' }, silentLog)
  second.ending('stop', 'SIGTERM')
  await parts.store.need('status', {})
  const facts = new Map((await factsOf(parts)).map(fact => [fact.name, fact]))
  t.match(facts.get('machine_uptime_s'), { unit: 's' })
  t.match(facts.get('flash_free_bytes'), { unit: 'bytes' })
  t.match(facts.get('start_1')?.value, /Z {2}\S+ {2}ran 00:00:0\d, ended: failed: the port is taken$/)
  t.match(facts.get('lock'), { value: false }, 'this console has the store open, which is nobody else')
  const { starts, resets } = onDiskOf(parts).starts()
  t.equal(starts, 2)
  t.match(resets, [{ kind: 'failed' }, { kind: 'first' }])
})

t.test('storage and alarms of a box that does not serve', async t => {
  const parts = setUp()
  const names = (await onDiskOf(parts).storage()).map(({ name }) => name)
  for (const name of ['flash_free_bytes', 'flash_reserve_bytes', 'store_messages', 'store_bytes'])
    t.ok(names.includes(name), name)
  t.same(await onDiskOf(parts).alarms(), [])
  t.match(await onDiskOf({ ...parts, reserveBytes: 2 ** 60 }).alarms(), [{ id: 'flash-low', level: 'alarm' }])
  new RunBook(parts.dataDir, { boot: 'one' }, silentLog).serves({ wall: Date.now() as never, isWallTrusted: true })
  new RunBook(parts.dataDir, { boot: 'two' }, silentLog).ending('stop')
  t.match(await onDiskOf(parts).alarms(), [{ id: 'unclean-start', count: 1, detail: 'power' }])
})

t.test('a store that cannot be opened is an alarm', async t => {
  const { alarms, alarmWords } = onDiskOf(
    setUp(async () => {
      throw new Error('it is damaged')
    }),
  )
  const [alarm] = await alarms()
  t.match(alarm, { id: 'store-failing', detail: 'it is damaged' })
  t.equal(alarmWords(alarm!).text, 'The store cannot be opened: it is damaged')
})
