import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isSwapUnderWay, type Swap, swapBack, swapIn, undoSwap, unpackedIn } from './restore-swap.ts'

const AT = Date.UTC(2030, 0, 2, 3, 4, 5)
const KEPT = 'before-restore-20300102T030405Z'

/** A box with something in it, and something else unpacked beside it. Not all is in both. */
function made(): { swap: Swap; standing: () => Record<string, string> } {
  const dir = t.testdir({
    'restante.toml': 'old',
    data: {
      admin: 'old',
      mailbox: { 'data.mdb': 'old' },
      restore: { new: { mailbox: { 'data.mdb': 'new' }, tls: { 'key.pem': 'new' } } },
    },
  })
  const dataDir = join(dir, 'data')
  const file = join(dir, 'restante.toml')
  const standing = (): Record<string, string> => {
    const paths = [file, join(dataDir, 'admin'), join(dataDir, 'mailbox/data.mdb'), join(dataDir, 'tls/key.pem')]
    return Object.fromEntries(
      paths.filter(path => existsSync(path)).map(path => [path.slice(dir.length + 1), readFileSync(path, 'latin1')]),
    )
  }
  return { swap: { dataDir, at: AT, configuration: { file, before: 'old', text: 'new' } }, standing }
}

const OLD = { 'restante.toml': 'old', 'data/admin': 'old', 'data/mailbox/data.mdb': 'old' }
const NEW = { 'restante.toml': 'new', 'data/mailbox/data.mdb': 'new', 'data/tls/key.pem': 'new' }

function allSteps(): string[] {
  const steps: string[] = []
  swapIn(made().swap, step => steps.push(step))
  return steps
}

function killedAt({ dataDir, configuration }: Swap, step: string): void {
  const child = join(import.meta.dirname, 'restore-swap-child.ts')
  const { signal } = spawnSync(process.execPath, [child, dataDir, configuration!.file, `${AT}`, step])
  if (signal !== 'SIGKILL') throw new Error(`there is no step ${step}`)
}

t.test('all of the one takes the place of all of the other, which is kept', async t => {
  const { swap, standing } = made()
  t.equal(swapIn(swap), KEPT)
  t.same(standing(), NEW)
  const kept = join(swap.dataDir, KEPT)
  t.same(readdirSync(kept).sort(), ['admin', 'configuration.toml', 'mailbox'])
  t.equal(readFileSync(join(kept, 'configuration.toml'), 'latin1'), 'old')
  t.notOk(isSwapUnderWay(swap.dataDir))
  t.notOk(undoSwap(swap.dataDir), 'there is nothing to take back')
  t.same(standing(), NEW)
})

t.test('a failure at any step is taken back at once', async t => {
  for (const at of allSteps()) {
    const { swap, standing } = made()
    t.throws(
      () =>
        swapIn(swap, step => {
          if (step === at) throw new Error('the medium failed')
        }),
      { name: 'PlainError', message: /All is as it was/ },
    )
    t.same(standing(), OLD, at)
    t.notOk(existsSync(join(swap.dataDir, KEPT)))
  }
})

t.test('a note that cannot be written leaves all as it was, without an empty folder', async t => {
  const { swap, standing } = made()
  mkdirSync(join(swap.dataDir, 'restore/under-way.json.new'))
  t.throws(() => swapIn(swap), { name: 'PlainError', message: /All is as it was/ })
  t.same(standing(), OLD)
  t.same(readdirSync(swap.dataDir).sort(), ['admin', 'mailbox', 'restore'])
})

t.test('kill -9 at each step: the next start has the old box, and it can be tried again', async t => {
  for (const at of allSteps()) {
    const { swap, standing } = made()
    killedAt(swap, at)
    t.ok(isSwapUnderWay(swap.dataDir), `${at}: the note lies there`)
    t.ok(undoSwap(swap.dataDir))
    t.same(standing(), OLD, at)
    t.notOk(existsSync(join(swap.dataDir, KEPT)), 'nothing is left of it')
    t.ok(existsSync(join(unpackedIn(swap.dataDir), 'mailbox/data.mdb')), 'what was unpacked is there still')
    t.equal(swapIn(swap), KEPT, 'and it can be tried again')
    t.same(standing(), NEW)
  }
})

t.test('an empty store that a command made meanwhile does not stay', async t => {
  const { swap, standing } = made()
  killedAt(swap, 'mailbox put aside')
  mkdirSync(join(swap.dataDir, 'mailbox'))
  writeFileSync(join(swap.dataDir, 'mailbox/data.mdb'), 'empty')
  undoSwap(swap.dataDir)
  t.same(standing(), OLD)
})

t.test('a box that does not start with what was restored goes back', async t => {
  const { swap, standing } = made()
  const kept = swapIn(swap)
  swapBack(swap, kept)
  t.same(standing(), OLD)
  t.notOk(isSwapUnderWay(swap.dataDir))
})
