import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Config, loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { markForReset } from './factory-reset.ts'
import { silentNotifier } from './service/notifier.ts'
import { StandIn } from './stand-in.ts'
import { holdStore } from './store-hold.ts'
import { BoxState } from './watchdog/box-state.ts'

const REASON = 'the store cannot be opened: its medium failed. Look into it.'

interface Made {
  readonly dataDir: string
  readonly told: string[]
  readonly state: BoxState
  /** What is different, or that nothing is after so many looks. */
  readonly over: () => Promise<string>
  readonly looks: () => number
}

async function made(t: Test, triedMs: number, before: (dataDir: string) => void = () => {}, isDamaged = false) {
  const dir = t.testdir({ data: { mailbox: { 'data.mdb': 'damaged' } } })
  const dataDir = join(dir, 'data')
  before(dataDir)
  const toml = `domain = "example.org"\nhostname = "edge1.example.org"\ndata_dir = "${dataDir}"\n[listen]\nhttp = ""`
  const { config } = loadConfig(toml, 'x') as { config: Config }
  const told: string[] = []
  let looks = 0
  const notifier = {
    ...silentNotifier,
    status: (text: string): void => void told.push(text),
    ready: (): void => void told.push('ready'),
    extendS: (): void => void looks++,
  }
  const state = new BoxState()
  const openStore = () => Promise.reject(new Error('not opened here'))
  const why = { reason: REASON, isDamaged }
  const options = { config, dataDir, file: join(dir, 'x'), ...why, openStore, notifier, state, log: silentLog }
  const standing = new StandIn({ ...options, entropy: new SeededEntropy(1), lookMs: 5, triedMs })
  let isOver = ''
  void standing.over.then(why => {
    isOver = why
  })
  await standing.start()
  t.teardown(() => standing.close())
  const over = async (): Promise<string> => {
    const until = looks + 20
    while (isOver === '' && looks < until) await new Promise(resolve => setTimeout(resolve, 1))
    return isOver
  }
  return { dataDir, told, state, over, looks: () => looks } satisfies Made
}

t.test('it says why, asks for time, and is never ready', async t => {
  const { told, state, over, looks } = await made(t, 1e9)
  t.equal(await over(), '', 'nothing is different')
  t.same(told, [`cannot take messages: ${REASON}`])
  t.same(state.view, { condition: 'fault', reason: REASON })
  t.ok(looks() > 10)
})

t.test('it is over once another file is there, or none', async t => {
  const { dataDir, over } = await made(t, 1e9)
  writeFileSync(join(dataDir, 'mailbox/data.mdb'), 'of a backup')
  t.equal(await over(), 'the store is another one')
  const gone = await made(t, 1e9)
  rmSync(join(gone.dataDir, 'mailbox'), { recursive: true })
  t.equal(await gone.over(), 'the store is another one')
})

t.test('it is over once a factory reset is asked for', async t => {
  const { dataDir, over } = await made(t, 1e9)
  markForReset(dataDir, 'full')
  t.equal(await over(), 'a factory reset was asked for')
})

t.test(
  'a medium that can be written and read again is tried; one that cannot, or a store that is held or damaged, is not',
  async t => {
    t.match(await (await made(t, 0)).over(), /can be written and read/)
    const refused = await made(t, 0, dataDir => mkdirSync(join(dataDir, 'medium-trial')))
    t.equal(await refused.over(), '')
    const held = await made(t, 0, dataDir => holdStore(dataDir, 'it ended the program'))
    t.equal(await held.over(), '')
    const damaged = await made(t, 0, () => {}, true)
    t.equal(await damaged.over(), '', 'nor is one with damaged pages, beside which somebody restores a backup')
  },
)
