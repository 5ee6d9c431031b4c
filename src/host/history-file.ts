import { headFields } from '../content/head-fields.ts'
import { shownHeads, shownMessage } from '../content/history-privacy.ts'
import { Base64Lines, fromLine, mailbox, mailDate, mailHeader, mailText } from '../content/mail-text.ts'
import { OCTETS, readableParts } from '../content/readable-parts.ts'
import { MAIL_BOUNDARY, MAIL_END, partHead, SessionMail, wholePart } from '../content/session-mail.ts'
import type { HistoryCursor, HistoryEntry, HistoryFilter, HistoryParticipant, HistoryPiece } from '../store/history.ts'
import type { Verbs } from '../store/verbs.ts'

/**
 * One user's history as a file of mails (RFC 4155, the form mboxrd): each item one MIME message that any mail program reads. All content is
 * in base64, so no line of it can begin with "From ", and octets stay octets.
 */

/** Items read at once, and octets of one item. */
const PAGE = 64
const PIECES_BYTES = 262_144

type Reading = 'history.summary' | 'history.list' | 'history.get' | 'history.pieces'

/** Whoever can ask the store; throws where it failed. */
export interface HistoryLink {
  ask<V extends Reading>(verb: V, request: Verbs[V]['request']): Promise<Verbs[V]['reply']>
}

type Item = NonNullable<Verbs['history.get']['reply']>

/** The entries that the filter lets through, page by page. */
export async function* historyPages(
  link: HistoryLink,
  aor: string,
  filter: HistoryFilter,
  order: 'oldest' | 'newest',
): AsyncGenerator<readonly HistoryEntry[]> {
  let after: HistoryCursor | undefined
  do {
    const place = after === undefined ? {} : { after }
    const page = await link.ask('history.list', { aor, filter, order, ...place, limit: PAGE })
    yield page.entries
    after = page.next
  } while (after !== undefined)
}

/** What was said of one item, octets in their order. */
export async function* piecesOf(link: HistoryLink, aor: string, reference: string): AsyncGenerator<HistoryPiece> {
  for (let from = 0; ; ) {
    const page = await link.ask('history.pieces', { aor, reference, from, bytes: PIECES_BYTES })
    if (!page) return
    yield* page.pieces
    if (page.isLast || page.pieces.length === 0) return
    from = page.next
  }
}

/** Each item as it is given out: who asked for privacy is not named (RFC 3323). Oldest first; `done`: one more is written. */
export async function* historyFile(
  link: HistoryLink,
  aor: string,
  filter: HistoryFilter,
  done: () => void,
): AsyncGenerator<Buffer> {
  for await (const entries of historyPages(link, aor, filter, 'oldest'))
    for (const { reference } of entries) {
      const item = await link.ask('history.get', { aor, reference })
      // What is gone by now is not in the file.
      if (item) for await (const text of mailOf(link, aor, item)) if (text !== '') yield Buffer.from(text, 'latin1')
      done()
    }
}

async function* mailOf(link: HistoryLink, aor: string, item: Item): AsyncGenerator<string> {
  yield headOf(item.entry)
  if (item.entry.kind === 'message') {
    const pieces: Buffer[] = []
    for await (const { bytes } of piecesOf(link, aor, item.entry.reference)) pieces.push(bytes)
    yield messageParts(shownMessage(Buffer.concat(pieces), item.entry.isAnonymous))
  } else {
    yield* sessionParts(link, aor, item)
  }
  yield MAIL_END
}

function headOf(entry: HistoryEntry): string {
  const { reference, kind, from, to, subject, receivedAt, endedAt, callId, role, peer, state, recordingName } = entry
  return [
    fromLine(from, receivedAt),
    mailHeader('From', mailbox(from)),
    mailHeader('To', mailbox(to)),
    mailHeader('Date', mailDate(receivedAt)),
    mailHeader('Subject', subject === undefined ? undefined : mailText(subject)),
    mailHeader('Message-ID', `<${reference.replace(/^sip:/, '').replace(/[^\w.@+-]/g, '_')}>`),
    mailHeader('X-Restante-Reference', mailText(reference)),
    mailHeader('X-Restante-Kind', kind),
    mailHeader('X-Restante-Role', role),
    mailHeader('X-Restante-Peer', mailText(peer)),
    mailHeader('X-Restante-Call-ID', mailText(callId)),
    mailHeader('X-Restante-State', kind === 'message' ? undefined : state),
    mailHeader('X-Restante-Ended', endedAt === undefined || kind === 'message' ? undefined : mailDate(endedAt)),
    mailHeader('X-Restante-Recording-Name', recordingName === undefined ? undefined : mailText(recordingName)),
    `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="${MAIL_BOUNDARY}"\n\n`,
  ].join('')
}

/** What was written first, the request as received behind it. */
function messageParts(message: Buffer): string {
  const end = message.indexOf('\r\n\r\n')
  const fields = headFields(message)
  const body = end < 0 ? Buffer.alloc(0) : message.subarray(end + 4)
  // What is compressed is octets to a mail program.
  const type = fields.has('content-encoding') ? OCTETS : fields.get('content-type')
  const parts = body.length === 0 ? [] : readableParts(type, body)
  const original = { contentType: OCTETS, description: 'message/sip, as received', fileName: 'message.sip' }
  return parts.map(part => wholePart(part, part.body)).join('') + wholePart(original, message)
}

/** Each message of it, then who took part and the SIP heads, then all SENDs as received. */
async function* sessionParts(
  link: HistoryLink,
  aor: string,
  { entry, heads, participants }: Item,
): AsyncGenerator<string> {
  const { reference, from, to, isAnonymous } = entry
  const names = { caller: from, callee: to, focus: to }
  const said = new SessionMail()
  for await (const piece of piecesOf(link, aor, reference))
    yield said.push(piece.bytes, piece.isEnd, { name: names[piece.from], at: new Date(piece.at).toISOString() })
  yield said.end()
  const text = [
    ...participants.map(participant => Buffer.from(`${participantLine(participant)}\n`, 'latin1')),
    ...Object.values(shownHeads(heads, isAnonymous)).map((head: Buffer) => Buffer.concat([Buffer.from('\r\n'), head])),
  ]
  if (text.length > 0)
    yield wholePart({ contentType: 'text/plain; charset=UTF-8', fileName: 'session.txt' }, Buffer.concat(text))
  yield partHead({ contentType: OCTETS, description: 'message/msrp, as received', fileName: 'session.msrp' })
  const lines = new Base64Lines()
  for await (const { bytes } of piecesOf(link, aor, reference)) yield lines.push(bytes)
  yield lines.end()
}

function participantLine({ uri, displayName, joinedAt, leftAt }: HistoryParticipant): string {
  const until = leftAt === undefined ? '' : ` until ${new Date(leftAt).toISOString()}`
  return `${displayName === undefined ? '' : `${displayName} `}<${uri}> from ${new Date(joinedAt).toISOString()}${until}`
}
