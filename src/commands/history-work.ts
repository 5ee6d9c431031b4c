import { type FileHandle, open, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { printable } from '../base/quoted.ts'
import { readConfig } from '../host/config-file.ts'
import { filterOf, timeOf } from '../host/history-query.ts'
import { eraseHistory, exportHistory } from '../host/history-work.ts'
import { PlainError, troubleOf } from '../host/plain-error.ts'
import { ownerOf } from './history.ts'
import { stoppable } from './stoppable.ts'
import { withStore } from './store-link.ts'
import { counted } from './text.ts'
import type { World } from './world.ts'

interface Options {
  readonly config?: string
}

export interface EraseOptions extends Options {
  readonly before?: string
  readonly yes?: boolean
}

const STDOUT = '-'
/** Lines of progress: at each tenth, or after so many where nobody knows how many there are. */
const STEPS = 10
const STEP_ITEMS = 1000

/** One user's history as a file of mails. */
export async function writeHistory(world: World, text: string, path: string, options: Options): Promise<void> {
  const { config } = readConfig(options.config)
  await withStore(world, config, async link => {
    const { aor } = await ownerOf(link, text, config)
    const progress = steps(world, 'written')
    const whole = async (write: (bytes: Buffer) => Promise<void>) =>
      stoppable(signal => exportHistory(link, aor, filterOf({}, config.domain), { signal, progress, write }))
    const items = path === STDOUT ? await whole(bytes => show(world, bytes)) : await toFile(path, whole)
    world.err(`${counted(items, 'item')} of ${aor}${path === STDOUT ? '' : ` in ${printable(path)}`}.\n`)
  })
}

/** The file of mails is ASCII. */
async function show(world: World, bytes: Buffer): Promise<void> {
  world.out(bytes.toString('latin1'))
  await world.taken?.()
}

/** A file that is not whole does not stay; one that is there is not touched. */
async function toFile(
  path: string,
  whole: (write: (bytes: Buffer) => Promise<void>) => Promise<number>,
): Promise<number> {
  const file = await opened(path)
  try {
    const items = await whole(bytes => file.writeFile(bytes))
    await file.sync()
    return items
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (error) {
    throw new PlainError(`${printable(path)} cannot be written: ${troubleOf(error)}`)
  }
}

/** Removes one user's history, or what of it came before a time. */
export async function dropHistory(world: World, text: string, options: EraseOptions): Promise<void> {
  const { config } = readConfig(options.config)
  const before = options.before === undefined ? undefined : timeOf('--before', options.before)
  const { aor, items } = await withStore(world, config, link => ownerOf(link, text, config))
  // The store is not held while a person thinks.
  if (!options.yes)
    await confirmed(
      world,
      `Erase ${before === undefined ? `the history of ${aor}, ${counted(items, 'item')}` : `what came before ${options.before} to the history of ${aor}`}?`,
    )
  const progress = steps(world, 'erased')
  const removed = await withStore(world, config, link =>
    stoppable(signal => eraseHistory(link, aor, before, { signal, progress })),
  )
  world.out(`Erased ${counted(removed, 'item')} of ${aor}.\n`)
}

async function confirmed(world: World, question: string): Promise<void> {
  if (!world.stdin.isTTY)
    throw new PlainError('Nobody can be asked here. Give --yes if it is meant. Nothing was erased.')
  const lines = createInterface({ input: world.stdin })
  world.err(`${question} Type yes: `)
  try {
    for await (const line of lines) {
      if (line.trim().toLowerCase() === 'yes') return
      break
    }
  } finally {
    lines.close()
  }
  throw new PlainError('Nothing was erased.')
}

/** Tells on stderr how far it is, now and then. */
function steps(world: World, verb: string): (done: number, total?: number) => void {
  let told = 0
  return (done, total) => {
    const step = total === undefined ? STEP_ITEMS : Math.max(STEP_ITEMS, Math.ceil(total / STEPS))
    if (done - told < step) return
    told = done
    world.err(`${done}${total === undefined ? '' : ` of ${total}`} ${verb}\n`)
  }
}
