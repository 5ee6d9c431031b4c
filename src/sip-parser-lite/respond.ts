import type { HeaderField, SipRequest, SipResponse } from './message.ts'
import { Field, field } from './names.ts'
import { toOf } from './typed.ts'

/** RFC 3261 21 and the codes of RFC 3265, 3329, 3903, 4412, 5360, 5626, 6228, 6442, 8197. */
const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  182: 'Queued',
  183: 'Session Progress',
  199: 'Early Dialog Terminated',
  200: 'OK',
  202: 'Accepted',
  204: 'No Notification',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  305: 'Use Proxy',
  380: 'Alternative Service',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  412: 'Conditional Request Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  417: 'Unknown Resource-Priority',
  420: 'Bad Extension',
  421: 'Extension Required',
  422: 'Session Interval Too Small',
  423: 'Interval Too Brief',
  424: 'Bad Location Information',
  428: 'Use Identity Header',
  429: 'Provide Referrer Identity',
  430: 'Flow Failed',
  433: 'Anonymity Disallowed',
  436: 'Bad Identity-Info',
  437: 'Unsupported Certificate',
  438: 'Invalid Identity Header',
  439: 'First Hop Lacks Outbound Support',
  440: 'Max-Breadth Exceeded',
  469: 'Bad Info Package',
  470: 'Consent Needed',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  484: 'Address Incomplete',
  485: 'Ambiguous',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  493: 'Undecipherable',
  494: 'Security Agreement Required',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  513: 'Message Too Large',
  580: 'Precondition Failure',
  600: 'Busy Everywhere',
  603: 'Decline',
  604: 'Does Not Exist Anywhere',
  606: 'Not Acceptable',
  607: 'Unwanted',
  608: 'Rejected',
}

const CLASSES = ['', 'Progress', 'Success', 'Redirection', 'Request Failure', 'Server Failure', 'Global Failure']

/** Default reason phrase; for a code that no RFC names, that of its class. */
export const reasonPhrase = (status: number): string => REASONS[status] ?? CLASSES[Math.floor(status / 100)] ?? ''

const NO_BODY = Buffer.alloc(0)

/**
 * RFC 3261 8.2.6: Via, From, To, Call-ID and CSeq of `request`, Timestamp too for 100. `toTag` is added to a To that
 * has none, except for 100. Works on the partial request of a SipSyntaxError as well: what is missing stays missing.
 */
export function responseTo(
  request: SipRequest,
  status: number,
  reason: string = reasonPhrase(status),
  toTag?: string,
): SipResponse {
  const headers: HeaderField[] = []
  for (const received of request.headers) {
    if (received.key === 'to') headers.push(status > 100 && toTag !== undefined ? tagged(received, toTag) : received)
    else if (isCopied(received.key) || (status === 100 && received.key === 'timestamp')) headers.push(received)
  }
  return { kind: 'response', status, reason, headers, body: NO_BODY }
}

const isCopied = (key: string): boolean => key === 'via' || key === 'from' || key === 'call-id' || key === 'cseq'

function tagged(to: HeaderField, tag: string): HeaderField {
  return hasTag(to) ? to : field(to.name, `${to.value};tag=${tag}`)
}

function hasTag(to: HeaderField): boolean {
  try {
    return toOf(to).params.has('tag')
  } catch {
    // A To that was refused as malformed is answered as it came.
    return Field.isReceived(to)
  }
}
