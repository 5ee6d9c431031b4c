import type { Config } from '../base/config.ts'
import { printable, quoted } from '../base/quoted.ts'
import { readConfig } from '../host/config-file.ts'
import { historyPages } from '../host/history-file.ts'
import { filterOf, type HistoryQuery } from '../host/history-query.ts'
import { contentOf, entryView, type HistoryFound, itemView, shownText } from '../host/history-view.ts'
import { PlainError } from '../host/plain-error.ts'
import type { HistoryEntry } from '../store/history.ts'
import type { Verbs } from '../store/verbs.ts'
import { aorOf } from './aor.ts'
import { allPages, PAGE_ROWS, type StoreLink, withStore } from './store-link.ts'
import { COMMAND, columns, noAccount, timeText } from './text.ts'
import type { World } from './world.ts'

interface Options {
  readonly config?: string
  readonly json?: boolean
}

export interface ListOptions extends Options, HistoryQuery {
  readonly limit?: number
  readonly all?: boolean
}

const LIMIT_DEFAULT = 50
/** Of what was said; a file takes all of it. */
const SHOWN_BYTES_MAX = 65_536

/** The account that is meant, which is there. */
export async function ownerOf(link: StoreLink, text: string, config: Config): Promise<{ aor: string; items: number }> {
  const aor = aorOf(text, config)
  const summary = await link.ask('history.summary', { aor })
  if (!summary) throw noAccount(aor)
  return { aor, items: summary.items }
}

/** What was said by and to a user, the newest first, a line each. */
export async function listHistory(world: World, text: string, options: ListOptions): Promise<void> {
  const { config } = readConfig(options.config)
  const { peer, since, until, subject, kind, limit = LIMIT_DEFAULT, all = false } = options
  const given = Object.entries({ peer, since, until, subject, kind }).filter(([, value]) => value !== undefined)
  const filter = filterOf(Object.fromEntries(given) as HistoryQuery, config.domain)
  await withStore(world, config, async link => {
    const { aor } = await ownerOf(link, text, config)
    const list = options.json ? new JsonLines(world) : new TextLines(world, aor)
    let left = all ? Number.POSITIVE_INFINITY : limit
    for await (const page of historyPages(link, aor, filter, 'newest')) {
      for (const entry of page.slice(0, left)) list.add(entry)
      left -= page.length
      if (left < 0) break
      await world.taken?.()
    }
    list.end()
    if (left < 0) world.err(`There are more. --all shows them, or --limit as many as you like.\n`)
  })
}

class TextLines {
  readonly #world: World
  readonly #aor: string
  #isEmpty = true

  constructor(world: World, aor: string) {
    this.#world = world
    this.#aor = aor
  }

  add(entry: HistoryEntry): void {
    if (this.#isEmpty)
      this.#world.out(lineOf(['received', 'kind', 'as', 'bytes', 'state', 'reference', 'peer', 'subject or name']))
    this.#isEmpty = false
    const { receivedAt, kind, role, size, state, reference, peer, subject, recordingName } = entry
    const texts = [shownText(peer), shownText(subject || recordingName || '')].map(printable)
    this.#world.out(lineOf([timeText(receivedAt), kind, role, `${size}`, state, reference, ...texts]))
  }

  end(): void {
    if (this.#isEmpty) this.#world.out(`Nothing in the history of ${this.#aor} matches.\n`)
  }
}

/** Lines come one by one, so that their widths are known beforehand. */
const WIDTHS = [24, 7, 8, 10, 11, 40, 32, 0]
const lineOf = (cells: readonly string[]): string =>
  `${cells
    .map((cell, at) => cell.padEnd(WIDTHS[at]!))
    .join('  ')
    .trimEnd()}\n`

class JsonLines {
  readonly #world: World
  #isEmpty = true

  constructor(world: World) {
    this.#world = world
  }

  add(entry: HistoryEntry): void {
    this.#world.out(`${this.#isEmpty ? '[\n' : ',\n'}${JSON.stringify(entryView(entry))}`)
    this.#isEmpty = false
  }

  end(): void {
    this.#world.out(this.#isEmpty ? '[]\n' : '\n]\n')
  }
}

/** One item: what is known of it, and the beginning of what was said. */
export async function showHistory(world: World, text: string, reference: string, options: Options): Promise<void> {
  const { config } = readConfig(options.config)
  await withStore(world, config, async link => {
    const { aor } = await ownerOf(link, text, config)
    const item = await link.ask('history.get', { aor, reference })
    if (!item)
      throw new PlainError(`The history of ${aor} has no ${quoted(reference)}. \`${COMMAND} history ${aor}\` lists it.`)
    if (options.json) return world.out(`${JSON.stringify(itemView(item), null, 2)}\n`)
    world.out(factsOf(item))
    await showContent(world, link, aor, item)
  })
}

function factsOf(item: HistoryFound): string {
  const { heads, participants, ...facts } = itemView(item)
  const rows = Object.entries(facts).filter(([, value]) => value !== null)
  const took = participants.map(({ uri, display_name, joined, left }) => [
    'participant',
    `${display_name ?? ''} <${uri}> ${joined} - ${left ?? ''}`.trim(),
  ])
  const texts = Object.entries(heads).flatMap(([name, head]) =>
    head === null ? [] : [`\n${name}:\n${plainLines(head)}`],
  )
  const table = columns(
    [...rows, ...took].map(([name = '', value]) => [name.replaceAll('_', ' '), printable(`${value}`)]),
  )
  return table + texts.join('')
}

async function showContent(world: World, link: StoreLink, aor: string, { entry }: HistoryFound): Promise<void> {
  const shown: Buffer[] = []
  let bytes = 0
  for await (const piece of contentOf(link, aor, entry)) {
    shown.push(piece)
    bytes += piece.length
    if (bytes > SHOWN_BYTES_MAX) break
  }
  const text = Buffer.concat(shown).subarray(0, SHOWN_BYTES_MAX).toString()
  world.out(`\nas received:\n${plainLines(text)}`)
  if (bytes > SHOWN_BYTES_MAX) world.err(`More was said. All of it: ${COMMAND} history export ${aor} FILE\n`)
}

/** Nothing of what others wrote reaches the terminal as anything but text. */
const plainLines = (text: string): string =>
  text
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .map(line => `  ${printable(line)}\n`)
    .join('')

type Owner = Verbs['history.owners']['reply'][number]

/** Whose history there is, and how much of it. */
export async function listOwners(world: World, options: Options): Promise<void> {
  const { config } = readConfig(options.config)
  const rows = await withStore(world, config, link =>
    allPages<Owner>(last => link.ask('history.owners', { ...(last ? { after: last.aor } : {}), limit: PAGE_ROWS })),
  )
  if (options.json) world.out(`${JSON.stringify(rows, null, 2)}\n`)
  else if (rows.length === 0) world.out('Nobody has a history.\n')
  else
    world.out(
      columns([['address', 'items', 'bytes'], ...rows.map(({ aor, items, bytes }) => [aor, `${items}`, `${bytes}`])]),
    )
}
