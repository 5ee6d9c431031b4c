import { headLines } from './head-lines.ts'

/**
 * What a history shows of somebody who asked for privacy (RFC 3323, 3325): everything is kept, and their identity is left out of whatever
 * is given out. Bodies are never touched.
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
const NAMING = new Set([
  'p-asserted-identity',
  'p-preferred-identity',
  'remote-party-id',
  'identity',
  'identity-info',
  'contact',
  'reply-to',
  'referred-by',
  'p-served-user',
  'p-associated-uri',
  'p-profile-key',
  'p-user-database',
  'p-access-network-info',
  'p-visited-network-id',
  'p-charging-vector',
  'p-charge-info',
  'p-dcs-billing-info',
  'p-dcs-laes',
  'p-dcs-trace-party-id',
])

/** RFC 3323 4.2: the services that hide the sender. */
const HIDING = /^(id|user|header|session)$/i

const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'

/** A whole MESSAGE as received. Its body is never changed, and without privacy the very same octets are given back. */
export function shownMessage(message: Buffer, isAnonymous: boolean): Buffer {
  if (!isAnonymous) return message
  const end = message.indexOf('\r\n\r\n', 0, 'latin1')
  if (end < 0) return hidden(message, ['from'])
  return Buffer.concat([hidden(message.subarray(0, end + 2), ['from']), message.subarray(end + 2)])
}

/** The heads of a session or a large message. `isAnonymous`: whoever sent the INVITE asked for privacy; who answered may for themselves. */
export function shownHeads(heads: SessionHeads, isAnonymous: boolean): SessionHeads {
  const { invite, answer, bye } = heads
  return {
    ...(invite && { invite: isAnonymous ? hidden(invite, ['from']) : invite }),
    ...(answer && { answer: shownAnswer(answer, isAnonymous) }),
    ...(bye && { bye: isAnonymous ? hidden(bye, callerIn(bye, invite)) : bye }),
  }
}

/** From is the caller's in an answer too; the other headers are the callee's own. */
function shownAnswer(answer: Buffer, isAnonymous: boolean): Buffer {
  const hidesCallee = asksForPrivacy(answer)
  if (!isAnonymous && !hidesCallee) return answer
  return hidden(answer, isAnonymous ? ['from'] : [], hidesCallee ? NAMING : NOTHING)
}

const NOTHING: ReadonlySet<string> = new Set()

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
