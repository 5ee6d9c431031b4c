import { headLines } from './head-lines.ts'
import { NETWORK_ONLY } from './network-headers.ts'

/**
 * What a history shows: everything is kept, and out of whatever is given to users go the headers that are the network's own (DM-STO-03)
 * and the identity of somebody who asked for privacy (RFC 3323, 3325). Bodies are never touched.
 */

/** Heads of a session as they are kept: start line and headers, each line ended by CRLF, no empty line. */
interface SessionHeads {
  readonly invite?: Buffer
  readonly answer?: Buffer
  readonly bye?: Buffer
}

/**
 * Headers that say who sent a request or an answer, besides From and To (RFC 3261, 3325, 3892, 8224); and those by which a trust domain
 * knows them: whom it serves or charges, and where they are (RFC 5502, 5503, 7315, 8496).
 */
const NAMING: ReadonlySet<string> = new Set([
  ...NETWORK_ONLY,
  'p-asserted-identity',
  'p-preferred-identity',
  'remote-party-id',
  'identity',
  'identity-info',
  'contact',
  'reply-to',
  'referred-by',
  'p-associated-uri',
])

/** RFC 3323 4.2: the services that hide the sender. */
const HIDING = /^(id|user|header|session)$/i

const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'

/** A whole MESSAGE as received. Its body is never changed; where nothing is left out the very same octets are given back. */
export function shownMessage(message: Buffer, isAnonymous: boolean): Buffer {
  const end = message.indexOf('\r\n\r\n', 0, 'latin1')
  const head = end < 0 ? message : message.subarray(0, end + 2)
  const shown = shownRequest(head, isAnonymous, ['from'])
  if (shown === head) return message
  return end < 0 ? shown : Buffer.concat([shown, message.subarray(end + 2)])
}

const shownRequest = (head: Buffer, isAnonymous: boolean, addresses: readonly string[]): Buffer =>
  isAnonymous ? hidden(head, addresses) : withoutNetwork(head)

/** Most heads have none of them, and stay as they are. */
const withoutNetwork = (head: Buffer): Buffer =>
  headLines(head).some(({ key }) => NETWORK_ONLY.has(key)) ? hidden(head, [], NETWORK_ONLY) : head

/** The heads of a session or a large message. `isAnonymous`: whoever sent the INVITE asked for privacy; who answered may for themselves. */
export function shownHeads(heads: SessionHeads, isAnonymous: boolean): SessionHeads {
  const { invite, answer, bye } = heads
  return {
    ...(invite && { invite: shownRequest(invite, isAnonymous, ['from']) }),
    ...(answer && { answer: shownAnswer(answer, isAnonymous) }),
    ...(bye && { bye: shownRequest(bye, isAnonymous, callerIn(bye, invite)) }),
  }
}

/** From is the caller's in an answer too; the other headers are the callee's own. */
function shownAnswer(answer: Buffer, isAnonymous: boolean): Buffer {
  const hidesCallee = asksForPrivacy(answer)
  if (!isAnonymous && !hidesCallee) return withoutNetwork(answer)
  return hidden(answer, isAnonymous ? ['from'] : [], hidesCallee ? NAMING : NETWORK_ONLY)
}

/** A BYE comes from either side: the tag says whose address is whose. Where it cannot be told, both are hidden. */
function callerIn(bye: Buffer, invite: Buffer | undefined): readonly string[] {
  const tag = invite && tagOf(invite)
  if (tag === undefined) return ['from', 'to']
  return tagOf(bye) === tag ? ['from'] : ['to']
}

function tagOf(head: Buffer): string | undefined {
  const from = headLines(head).find(({ key }) => key === 'from')
  return from && /;\s*tag\s*=\s*([^\s;]+)/i.exec(paramsOf(from.text))?.[1]
}

function asksForPrivacy(head: Buffer): boolean {
  const services = headLines(head).filter(({ key }) => key === 'privacy')
  return services.some(({ text }) =>
    fieldValue(text)
      .split(/[;,]/)
      .some(service => HIDING.test(service.trim())),
  )
}

function hidden(head: Buffer, addresses: readonly string[], naming: ReadonlySet<string> = NAMING): Buffer {
  const kept = headLines(head).filter(({ key }) => !naming.has(key))
  const text = kept.map(line => (addresses.includes(line.key) ? anonymous(line.text) : line.text)).join('')
  return Buffer.from(text, 'latin1')
}

/** The tag stays: by it and the Call-ID the parts of one dialog are told to belong together. */
function anonymous(text: string): string {
  if (/@anonymous\.invalid[\s;>]/i.test(text)) return text
  return `${text.slice(0, text.indexOf(':'))}: ${ANONYMOUS}${paramsOf(text)}\r\n`
}

const fieldValue = (text: string): string =>
  text
    .slice(text.indexOf(':') + 1)
    .replace(/\r\n[ \t]+/g, ' ')
    .trim()

/** What follows the address, `;tag=...` as a rule: behind `>`, or behind the first `;` where there are no brackets. */
function paramsOf(text: string): string {
  const unquoted = fieldValue(text).replace(/^"(?:[^"\\]|\\.)*"/, '')
  const bracket = unquoted.indexOf('>')
  const from = unquoted.indexOf(';', Math.max(bracket, 0))
  return from < 0 ? '' : unquoted.slice(from)
}
