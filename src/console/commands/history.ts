import type { HistoryItemView, HistoryOwnerRow, HistoryRow, HistoryService, SaidView } from '../../services/history.ts'
import { bytesText, counted, isoText, timeText } from '../ascii.ts'
import { type Args, type Command, type Context, commandsOf, Refused, running } from '../command.ts'
import { field, PAGE_ROWS, paged } from '../fields.ts'
import type { ConsoleServices } from '../services.ts'
import { ended, placeFor, TOO_MUCH, written } from './long-work.ts'
import { aorOf } from './users.ts'

const ITEMS = 100
const ITEMS_MAX = 10_000

async function showHistory(context: Context, args: Args): Promise<void> {
  const [address, id] = [args.get('AOR'), args.get('ID')]
  if (address === undefined) return await owners(context)
  const aor = aorOf(context.box, address)
  if (id === undefined) await itemsOf(context, aor, Number(args.get('N') ?? ITEMS))
  else await showItem(context, aor, id, args.has('bodies'))
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
  await summaryOf(histories, aor)
  await report.list({
    name: 'items',
    columns: [
      { title: 'id', width: 16, cell: row => shortId(row.reference) },
      { title: 'received', width: 16, cell: row => timeText(row.received).slice(0, 16) },
      { title: 'kind', width: 7, cell: row => row.kind },
      { title: 'with', width: 23, cell: row => row.peer },
      { title: 'bytes', width: 8, isRight: true, cell: row => bytesText(row.bytes) },
    ],
    rows: first(
      most,
      paged<HistoryRow>(async after => {
        const found = await histories.list(aor, { query: {}, ...(after && { after }), limit: PAGE_ROWS })
        if ('why' in found) throw new Refused(found.why)
        return { rows: found.items, next: found.next }
      }),
    ),
    json: rowJson,
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

async function summaryOf(histories: HistoryService, aor: string): Promise<{ items: number; bytes: number }> {
  const summary = await histories.summary(aor)
  if (!summary) throw new Refused(`There is no account ${aor}. "show users" has all.`)
  return summary
}

/** HIS-STO-06: `sip:hSTRING@hostname`; what stands behind the @ is the same for all of a box. */
const shortId = (reference: string): string => reference.replace(/^sip:|@.*$/g, '')

const referenceOf = ({ hostname }: ConsoleServices, id: string): string =>
  id.includes('@') ? id : `sip:${id}@${hostname}`

const unknownItem = (aor: string): Refused =>
  new Refused(`There is no such item. "show history ${aor}" has those that there are.`)

async function showItem({ box, report }: Context, aor: string, id: string, withBodies: boolean): Promise<void> {
  const { histories, ...rest } = running(box)
  await summaryOf(histories, aor)
  const item = await histories.item(aor, referenceOf({ histories, ...rest }, id))
  if (!item) throw unknownItem(aor)
  await report.show(itemJson(item, withBodies), [...itemLines(item), ...(withBodies ? saidLines(item) : [BODIES])])
}

const BODIES = 'What was said: with "bodies" behind; all of it by "history export".'

const rowJson = (row: HistoryRow) => ({
  reference: row.reference,
  kind: row.kind,
  role: row.role,
  peer: row.peer,
  from: row.from,
  to: row.to,
  subject: row.subject,
  received: isoText(row.received),
  ended: isoText(row.ended),
  state: row.state,
  bytes: row.bytes,
  requests: row.requests,
  call_id: row.callId,
  recording_name: row.recordingName,
})

const itemJson = (item: HistoryItemView, withBodies: boolean) => ({
  ...rowJson(item),
  participants: item.participants.map(({ uri, displayName, joined, left }) => ({
    ...{ uri, display_name: displayName },
    ...{ joined: isoText(joined), left: isoText(left) },
  })),
  heads: Object.fromEntries(item.heads),
  ...(withBodies && {
    said: item.said.map(({ from, at, contentType, bytes, text = null }) => ({
      ...{ from, at: isoText(at), content_type: contentType, bytes, text },
    })),
    is_cut: item.isCut,
  }),
})

const itemLines = (item: HistoryItemView): string[] => [
  field('Reference', item.reference),
  field('Kind', `${item.kind}, ${item.state}; its owner was ${item.role}`),
  field('From', item.from),
  field('To', item.to),
  ...(item.subject === null ? [] : [field('Subject', item.subject)]),
  ...(item.recordingName === null ? [] : [field('Recorded as', item.recordingName)]),
  field('Received', timeText(item.received)),
  ...(item.ended === null ? [] : [field('Ended', timeText(item.ended))]),
  field('Size', `${bytesText(item.bytes)}, ${counted(item.requests, 'request')}`),
  field('Call-ID', item.callId),
  ...item.participants.map(({ uri, joined, left }) =>
    field('There', `${uri}, ${timeText(joined)} to ${timeText(left)}`),
  ),
  ...item.heads.flatMap(([name, text]) => [`--- ${name} ---`, ...linesOf(text)]),
]

const saidLines = ({ said, isCut }: HistoryItemView): string[] => [
  ...said.flatMap(each => [`--- ${timeText(each.at)} ${each.from} ---`, ...textLines(each)]),
  ...(isCut ? ['There is more of it: "history export" has all.'] : []),
]

const textLines = ({ text, contentType, bytes }: SaidView): string[] =>
  text === undefined ? [`(${contentType}, ${bytesText(bytes)}: "history export" has it)`] : linesOf(text)

/** Not where the console begins its own lines: what strangers wrote cannot pass for a word of the box. */
const linesOf = (text: string): string[] =>
  text
    .trimEnd()
    .split(/\r?\n/)
    .map(line => `  ${line}`)

async function exportHistory(context: Context, args: Args): Promise<void> {
  const { histories } = running(context.box)
  const aor = aorOf(context.box, args.get('AOR')!)
  const { items, bytes: leastBytes } = await summaryOf(histories, aor)
  if (items === 0) throw new Refused(`${aor} has no history.`)
  const path = await placeFor(context, args.get('FILE')!, leastBytes)
  const job = histories.export(aor, {})
  if (job === undefined) throw new Refused(TOO_MUCH)
  if ('why' in job) throw new Refused(job.why)
  const bytes = await written(context, job, path)
  await context.report.lines([
    `Written: ${path}, ${bytesText(bytes)}: a file of mails (mbox).`,
    'It is not locked: whoever has it reads what people wrote.',
  ])
}

/** One item, or all, or what was received before a time. */
async function eraseHistory(context: Context, args: Args): Promise<void> {
  const { box, report, confirm } = context
  const { histories, jobs } = running(box)
  const aor = aorOf(box, args.get('AOR')!)
  const { items, bytes } = await summaryOf(histories, aor)
  const id = args.get('ID')
  if (id !== undefined) return await eraseItem(context, aor, id)
  const before = args.get('TIME')
  await report.line(`${aor}: ${counted(items, 'item')}, ${bytesText(bytes)}.`)
  const question = before === undefined ? 'Erase all of it, for ever?' : `Erase what came before ${before}, for ever?`
  if (!(await confirm(question))) return await report.line('Nothing was done.')
  const job = histories.erase(aor, before)
  if (job === undefined) throw new Refused(TOO_MUCH)
  if ('why' in job) throw new Refused(job.why)
  const { done } = await ended(context, jobs, job)
  await report.line(`${counted(done, 'item')} erased.`)
}

async function eraseItem({ box, report, confirm }: Context, aor: string, id: string): Promise<void> {
  const services = running(box)
  const reference = referenceOf(services, id)
  const item = await services.histories.item(aor, reference)
  if (!item) throw unknownItem(aor)
  await report.line(`${item.kind} of ${timeText(item.received)} with ${item.peer}, ${bytesText(item.bytes)}.`)
  if (!(await confirm('Erase it, for ever?'))) return await report.line('Nothing was done.')
  const outcome = await services.histories.remove(aor, reference)
  await report.line(outcome === 'removed' ? '1 item erased.' : 'It was gone already.')
}

const AOR = { help: 'alice, or alice@example.org' }
const ID = { help: 'as show history AOR has it' }

export const historyCommands: readonly Command[] = [
  ...commandsOf('user', [
    {
      syntax: 'show history [AOR] [ID] [items N] [bodies]',
      help: 'who has one; what is in it; heads of an item',
      role: 'operator',
      params: {
        AOR,
        ID,
        items: { help: `how many; ${ITEMS}` },
        N: { help: `1 to ${ITEMS_MAX}`, range: [1, ITEMS_MAX] },
        bodies: { help: 'of an item what was said, too: others read it here' },
      },
      run: showHistory,
    },
  ]),
  ...commandsOf('enabled', [
    {
      syntax: 'history export AOR FILE',
      help: 'all of one into a file of mails',
      params: { AOR, FILE: { help: 'path, e.g. /media/stick/alice.mbox' } },
      run: exportHistory,
    },
    {
      syntax: 'history erase AOR [ID] [before TIME]',
      help: 'an item, what is older, or all; asks first',
      params: {
        AOR,
        ID,
        before: { help: 'only what was received before' },
        TIME: { help: '2030-01-31, or 2030-01-31T12:00:00Z' },
      },
      run: eraseHistory,
    },
  ]),
]
