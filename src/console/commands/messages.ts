import type { QueueService, WaitingRow } from '../../services/queue.ts'
import { mailboxJson, storyJson, waitingJson } from '../../services/queue-json.ts'
import type { LifeEvent, LifeStory, MailboxSummary } from '../../store/verbs.ts'
import { bytesText, counted, timeText } from '../ascii.ts'
import { type Args, type Command, type Context, commandsOf, partOf, Refused, running } from '../command.ts'
import { PAGE_ROWS, paged } from '../fields.ts'
import { historyCommands } from './history.ts'
import { aorOf } from './users.ts'

/** Messages that may share one Call-ID. */
const STORIES_MAX = 100

type Queue = Pick<QueueService, 'totals' | 'mailboxes' | 'messages' | 'trace' | 'message'>

async function showQueue(context: Context, args: Args): Promise<void> {
  const queue: Queue = partOf(context.box, 'queue')
  const address = args.get('AOR')
  if (address === undefined) await mailboxes(context, queue)
  else await messagesOf(context, queue, aorOf(context.box, address))
}

async function mailboxes({ report }: Context, queue: Queue): Promise<void> {
  const totals = await queue.totals()
  const rows = paged<MailboxSummary>(async after => {
    const { mailboxes, next } = await queue.mailboxes({ ...(after && { after }), limit: PAGE_ROWS })
    return { rows: mailboxes, next }
  })
  await report.list({
    name: 'mailboxes',
    head: { lines: [`${counted(totals.messages, 'message')}, ${bytesText(totals.bytes)} waiting`], json: totals },
    columns: [
      { title: 'address', width: 36, cell: row => row.aor },
      { title: 'messages', width: 8, isRight: true, cell: row => `${row.count}` },
      { title: 'bytes', width: 9, isRight: true, cell: row => bytesText(row.bytes) },
      { title: 'oldest', width: 20, cell: row => timeText(row.oldestReceivedAt) },
    ],
    rows,
    json: mailboxJson,
    none: 'Nothing waits.',
  })
}

async function messagesOf({ report }: Context, queue: Queue, aor: string): Promise<void> {
  const rows = paged<WaitingRow>(async after => {
    const { messages, next } = await queue.messages({ aor, ...(after && { after }), limit: PAGE_ROWS })
    return { rows: messages, next }
  })
  await report.list({
    name: 'messages',
    columns: [
      { title: 'id', width: 26, cell: row => row.storeId },
      { title: 'from', width: 14, cell: row => row.sender || '-' },
      { title: 'received', width: 16, cell: row => timeText(row.receivedAt).slice(0, 16) },
      { title: 'bytes', width: 8, isRight: true, cell: row => bytesText(row.size) },
      { title: 'tries', width: 5, isRight: true, cell: row => `${row.attempts}` },
    ],
    rows,
    json: waitingJson,
    none: `Nothing waits for ${aor}.`,
  })
}

const detailOf = (event: LifeEvent): string => ('detail' in event ? event.detail : '')

const storyLines = (story: LifeStory): string[] => [
  story.storeId,
  `  Call-ID ${story.callId}`,
  `  from ${story.sender || '-'}`,
  `  to ${story.recipient}, ${bytesText(story.size)}`,
  ...story.events.map(event => `  ${timeText(event.at)}  ${event.event}  ${detailOf(event)}`.trimEnd()),
]

async function trace({ box, report }: Context, args: Args): Promise<void> {
  const id = args.get('ID')!
  const stories = await partOf(box, 'queue').trace(id, STORIES_MAX)
  if (stories.length === 0)
    throw new Refused('No message is known by that. Give its store id, Call-ID or MSRP Message-ID.')
  await report.show({ messages: stories.map(storyJson) }, stories.flatMap(storyLines))
}

const unknownMessage = 'No message is known by that id. "show queue AOR" has those that wait.'

async function deliver({ box, report }: Context, args: Args): Promise<void> {
  const done = await running(box).queue.deliver(args.get('ID')!)
  if (done.outcome === 'unknown') throw new Refused(unknownMessage)
  const words = {
    'nobody registered': 'Nobody is registered to hand it to; it stays.',
    'switched off': 'The receiver does not want pushes; it stays until it is fetched.',
    'not waiting': 'It does not wait any more; "trace" tells what became of it.',
    asked: 'It is tried now; "trace" tells how it went.',
  }
  await report.line(words[done.outcome])
}

async function remove({ box, who, report, confirm }: Context, args: Args): Promise<void> {
  const { queue } = running(box)
  const id = args.get('ID')!
  const found = await queue.message(id)
  if (!found) throw new Refused(unknownMessage)
  await report.lines(storyLines(found.story))
  if (!(await confirm('Delete this message unread, for ever?'))) return await report.line('Nothing was done.')
  const outcome = await queue.remove(id, who.name)
  if (outcome === 'unknown') throw new Refused(unknownMessage)
  await report.line(outcome === 'deleted' ? 'Deleted.' : 'It did not wait any more.')
}

const idParam = { help: 'store id, e.g. sip:42@edge1.example.org' }

export const messageCommands: readonly Command[] = [
  ...commandsOf('user', [
    {
      syntax: 'show queue [AOR]',
      help: 'what waits: for whom, or message by message for one',
      isReduced: true,
      params: { AOR: { help: 'alice, or alice@example.org' } },
      run: showQueue,
    },
    {
      syntax: 'trace ID',
      help: 'what became of a message',
      role: 'operator',
      isReduced: true,
      params: { ID: { help: 'store id, Call-ID or MSRP Message-ID' } },
      run: trace,
    },
  ]),
  ...historyCommands,
  ...commandsOf('enabled', [
    { syntax: 'deliver ID', help: 'tries a message that waits now', params: { ID: idParam }, run: deliver },
    { syntax: 'remove ID', help: 'deletes a message that waits; asks first', params: { ID: idParam }, run: remove },
  ]),
]
