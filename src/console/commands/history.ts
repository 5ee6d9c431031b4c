import type { HistoryOwnerRow, HistoryRow } from '../../services/history.ts'
import { bytesText, isoText, timeText } from '../ascii.ts'
import { type Args, type Command, type Context, commandsOf, Refused, running } from '../command.ts'
import { PAGE_ROWS, paged } from '../fields.ts'
import { aorOf } from './users.ts'

const ITEMS = 100
const ITEMS_MAX = 10_000

async function showHistory(context: Context, args: Args): Promise<void> {
  const address = args.get('AOR')
  if (address === undefined) await owners(context)
  else await itemsOf(context, aorOf(context.box, address), Number(args.get('N') ?? ITEMS))
}

async function owners({ box, report }: Context): Promise<void> {
  const { histories } = running(box)
  await report.list({
    name: 'owners',
    columns: [
      { title: 'address', width: 48, cell: row => row.aor },
      { title: 'items', width: 9, isRight: true, cell: row => `${row.items}` },
      { title: 'bytes', width: 10, isRight: true, cell: row => bytesText(row.bytes) },
    ],
    rows: paged<HistoryOwnerRow>(async after => {
      const found = await histories.owners({ ...(after && { after }), limit: PAGE_ROWS })
      return { rows: found.owners, next: found.next }
    }),
    json: ({ aor, items, bytes }) => ({ aor, items, bytes }),
    none: 'Nobody has a history.',
  })
}

/** What was said stands in none of these lines. */
async function itemsOf({ box, report }: Context, aor: string, most: number): Promise<void> {
  const { histories } = running(box)
  if (!(await histories.summary(aor))) throw new Refused(`There is no account ${aor}. "show users" has all.`)
  await report.list({
    name: 'items',
    columns: [
      { title: 'received', width: 16, cell: row => timeText(row.received).slice(0, 16) },
      { title: 'kind', width: 8, cell: row => row.kind },
      { title: 'with', width: 32, cell: row => row.peer },
      { title: 'bytes', width: 9, isRight: true, cell: row => bytesText(row.bytes) },
      { title: 'state', width: 6, cell: row => row.state },
    ],
    rows: first(
      most,
      paged<HistoryRow>(async after => {
        const found = await histories.list(aor, { query: {}, ...(after && { after }), limit: PAGE_ROWS })
        if ('why' in found) throw new Refused(found.why)
        return { rows: found.items, next: found.next }
      }),
    ),
    json: row => ({
      reference: row.reference,
      kind: row.kind,
      peer: row.peer,
      received: isoText(row.received),
      ended: isoText(row.ended),
      state: row.state,
      bytes: row.bytes,
      call_id: row.callId,
    }),
    none: `${aor} has no history.`,
  })
}

async function* first<Row>(most: number, rows: AsyncIterable<Row>): AsyncGenerator<Row> {
  let count = 0
  for await (const row of rows) {
    if (count++ >= most) return
    yield row
  }
}

export const historyCommands: readonly Command[] = commandsOf('user', [
  {
    syntax: 'show history [AOR] [items N]',
    help: 'who has a history, or what is in one: the newest first',
    role: 'operator',
    params: {
      AOR: { help: 'alice, or alice@example.org' },
      items: { help: `how many; ${ITEMS}` },
      N: { help: `1 to ${ITEMS_MAX}`, range: [1, ITEMS_MAX] },
    },
    run: showHistory,
  },
])
