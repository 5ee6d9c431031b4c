import { printable } from '../base/quoted.ts'
import { knownEnd } from '../base/time.ts'
import { readConfig } from '../host/config-file.ts'
import { mailboxJson, waitingJson } from '../services/queue-json.ts'
import { percentOf } from '../store/story.ts'
import type { MailboxSummary, Waiting } from '../store/verbs.ts'
import { aorOf } from './aor.ts'
import { allPages, PAGE_ROWS, withStore } from './store-link.ts'
import { columns, counted, noAccount, timeText } from './text.ts'
import type { World } from './world.ts'

interface Options {
  readonly config?: string
  readonly json?: boolean
}

/** How much waits for whom, or with an address what waits for that one. */
export async function showQueue(world: World, text: string | undefined, options: Options): Promise<void> {
  const { config } = readConfig(options.config)
  if (text === undefined) await showAll(world, config, options)
  else await showOne(world, aorOf(text, config), config, options)
}

type Row = Waiting & { readonly sender: string }

type Loaded = ReturnType<typeof readConfig>['config']

async function showAll(world: World, config: Loaded, options: Options): Promise<void> {
  const rows = await withStore(world, config, link =>
    allPages<MailboxSummary>(last => link.ask('mailboxes', { ...(last ? { after: last.aor } : {}), limit: PAGE_ROWS })),
  )
  const waiting = rows.filter(row => row.count > 0)
  const total = {
    count: sum(waiting.map(row => row.count)),
    bytes: sum(waiting.map(row => row.bytes)),
    oldest: oldestOf(waiting),
  }
  if (options.json) {
    const mailboxes = waiting.map(row => ({ ...mailboxJson(row), full_percent: fullPercent(row, config) }))
    world.out(`${JSON.stringify({ ...total, oldest: jsonTime(total.oldest), mailboxes }, null, 2)}\n`)
    return
  }
  const lines = waiting.map(row => [
    row.aor,
    `${row.count}`,
    `${row.bytes}`,
    `${fullPercent(row, config)} %`,
    timeText(row.oldestReceivedAt),
  ])
  world.out(`${counted(total.count, 'message')}, ${counted(total.bytes, 'byte')} waiting\n`)
  if (lines.length > 0) world.out(columns([['address', 'messages', 'bytes', 'full', 'oldest'], ...lines]))
}

/** Of the quotas as they are configured now. */
const fullPercent = ({ count, bytes }: MailboxSummary, { deferral }: Loaded): number =>
  percentOf(count, bytes, { quotaMessages: deferral.quota_messages, quotaBytes: deferral.quota_bytes })

async function showOne(world: World, aor: string, config: Loaded, options: Options): Promise<void> {
  const rows = await withStore(world, config, async link => {
    if (!(await link.ask('account.get', { aor }))) throw noAccount(aor)
    return allPages<Row>(last => link.ask('mailbox', { aor, afterSeq: last?.seq ?? -1, limit: PAGE_ROWS }))
  })
  if (options.json)
    world.out(
      `${JSON.stringify(
        rows.map(row => waitingJson({ ...row, aor })),
        null,
        2,
      )}\n`,
    )
  else if (rows.length === 0) world.out(`Nothing waits for ${aor}.\n`)
  else
    world.out(
      columns([['id', 'from', 'received', 'expires', 'bytes', 'attempts', 'last failure'], ...rows.map(textRow)]),
    )
}

const textRow = (row: Row): string[] => [
  row.storeId,
  `${printable(row.sender || '-')}${row.isReceipt ? ' (receipt)' : ''}`,
  timeText(row.receivedAt),
  timeText(knownEnd(row.expiresAt)),
  `${row.size}`,
  `${row.attempts}`,
  printable(row.lastFailure ?? '-'),
]

const jsonTime = (wall: number | undefined): string | null => (wall === undefined ? null : timeText(wall))

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

const oldestOf = (rows: readonly MailboxSummary[]): number | undefined => {
  const times = rows.map(row => row.oldestReceivedAt).filter(time => time !== undefined)
  return times.length > 0 ? Math.min(...times) : undefined
}
