import type { Now } from '../../base/time.ts'
import { value, values } from '../../sip-parser-lite/access.ts'
import { encodeMessage } from '../../sip-parser-lite/encode.ts'
import { type SipMessage, type SipRequest, SipSyntaxError } from '../../sip-parser-lite/message.ts'
import { callId, fromAddress, parseNameAddr } from '../../sip-parser-lite/typed.ts'
import { encodeUri, parseUri } from '../../sip-parser-lite/uri.ts'
import type { HistoryItem, HistoryKind } from '../../store/history.ts'
import type { Sender } from '../incoming.ts'

/** As whom a history shows a sender who asked for privacy. */
export const ANONYMOUS = 'anonymous'

/** What a history lists of a MESSAGE or INVITE: `request` has its identity headers settled, as `Arrival.request`. */
export function historyItem(kind: HistoryKind, now: Now, request: SipRequest, sender: Sender): HistoryItem {
  const isAnonymous = sender.name === ANONYMOUS
  const subject = value(request, 'subject')
  const [identity] = isAnonymous ? [] : values(request, 'p-asserted-identity')
  return {
    kind,
    receivedAt: now.wall,
    from: isAnonymous ? ANONYMOUS : bareUri(fromAddress(request).uri),
    to: bareUri(uriOf(value(request, 'to') ?? request.uri)),
    ...(subject !== undefined && subject !== '' && { subject }),
    callId: callId(request),
    isAnonymous,
    ...(identity !== undefined && { assertedIdentity: bareUri(uriOf(identity)) }),
  }
}

/** Nearly all are of this form, and stay as they are. */
const PLAIN = /^sips?:[\w.+-]+@[a-z\d.-]+(?::\d+)?$/

/** Without parameters and headers; what is no URI stays as it is. */
export const bareUri = (text: string): string => (PLAIN.test(text) ? text : bare(text))

const bare = (text: string): string =>
  read(text, () => {
    const { scheme, user, host, port, opaque } = parseUri(text)
    if (scheme === 'tel') return `tel:${user}`
    if (opaque !== undefined) return text
    return encodeUri({ scheme, ...(user && { user }), host, ...(port !== undefined && { port }), params: new Map() })
  })

const uriOf = (address: string): string => read(address, () => parseNameAddr(address).uri)

/** History fails for nothing that is odd about a message. */
function read(text: string, reader: () => string): string {
  try {
    return reader()
  } catch (error) {
    if (error instanceof SipSyntaxError) return text
    throw error
  }
}

/** Secrets, and of use to nobody later. */
const CREDENTIALS = new Set(['authorization', 'proxy-authorization'])

function withoutCredentials<T extends SipMessage>(message: T): T {
  const isSecret = message.headers.some(({ key }) => CREDENTIALS.has(key))
  return isSecret ? { ...message, headers: message.headers.filter(({ key }) => !CREDENTIALS.has(key)) } : message
}

/** HIS-STO-01: the whole message as it came, every header line in its place, less credentials. */
export const asReceived = (message: SipMessage): Buffer => encodeMessage(withoutCredentials(message))

/** HIS-STO-02, 05: start line and headers as they came, less credentials; each line ends with CRLF, no empty line follows. */
export function headAsReceived(message: SipMessage): Buffer {
  const whole = asReceived(message)
  return Buffer.from(whole.subarray(0, whole.length - message.body.length - '\r\n'.length))
}
