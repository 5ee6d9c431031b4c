import type { HeaderField } from './message.ts'

/** Headers that the parser itself looks at; 0 is every other one. */
export const SLOT = {
  other: 0,
  via: 1,
  from: 2,
  to: 3,
  callId: 4,
  cseq: 5,
  maxForwards: 6,
  contentLength: 7,
} as const

export type Slot = (typeof SLOT)[keyof typeof SLOT]

export interface KnownName {
  /** As the RFC writes it, long or compact. */
  readonly spelling: string
  readonly key: string
  readonly slot: Slot
}

/** Long forms; the second column is the compact form where an RFC gives one. */
const NAMES = `
Accept Accept-Contact:a Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info Allow Allow-Events:u
Authentication-Info Authorization Call-ID:i Call-Info Contact:m Content-Disposition Content-Encoding:e Content-ID
Content-Language Content-Length:l Content-Transfer-Encoding Content-Type:c Conversation-ID Contribution-ID CSeq Date
Diversion Error-Info Event:o Expires Feature-Caps Flow-Timer From:f Geolocation Geolocation-Error Geolocation-Routing
History-Info Identity:y Identity-Info:n In-Reply-To Info-Package InReplyTo-Contribution-ID Join Max-Breadth
Max-Forwards Message-Context Message-Expires MIME-Version Min-Expires Min-SE Organization P-Access-Network-Info
P-Answer-State P-Asserted-Identity P-Asserted-Service P-Associated-URI P-Called-Party-ID P-Charging-Function-Addresses
P-Charging-Vector P-Early-Media P-Preferred-Identity P-Preferred-Service P-Profile-Key P-Served-User
P-User-Database P-Visited-Network-ID Path Permission-Missing Priority Privacy Proxy-Authenticate
Proxy-Authentication-Info Proxy-Authorization Proxy-Require RAck Reason Record-Route Recv-Info Refer-Sub Refer-To:r
Referred-By:b Reject-Contact:j Replaces Reply-To Request-Disposition:d Require Resource-Priority Retry-After Route RSeq
Security-Client Security-Server Security-Verify Server Service-Route Session-Expires:x Session-Replaces SIP-ETag
SIP-If-Match Subject:s Subscription-State Supported:k Suppress-If-Match Target-Dialog Timestamp To:t Trigger-Consent
Unsupported User-Agent Via:v Warning WWW-Authenticate
`

/**
 * Headers whose grammar is a comma list. Credentials, challenges, Date and text headers carry commas that separate
 * nothing.
 */
const LISTS = new Set(
  `
accept accept-contact accept-encoding accept-language accept-resource-priority alert-info allow allow-events call-info
contact content-encoding content-language diversion error-info feature-caps geolocation history-info in-reply-to
p-access-network-info p-asserted-identity p-associated-uri p-early-media p-preferred-identity p-visited-network-id path
permission-missing proxy-require reason record-route recv-info reject-contact request-disposition require
resource-priority route security-client security-server security-verify service-route supported trigger-consent
unsupported via warning
`
    .trim()
    .split(/\s+/),
)

const SLOTS: Readonly<Record<string, Slot>> = {
  via: SLOT.via,
  from: SLOT.from,
  to: SLOT.to,
  'call-id': SLOT.callId,
  cseq: SLOT.cseq,
  'max-forwards': SLOT.maxForwards,
  'content-length': SLOT.contentLength,
}

/** By spelling in lower case. Never grows: names from the wire are not kept. */
const KNOWN = new Map<string, KnownName>()
/** The same by spelling of the RFC. */
const SPELLED = new Map<string, KnownName>()
/** The same by place; several times as many places as names, a name whose place is taken stands in the next. */
const PLACES = 1024
const PLACED: (KnownName | undefined)[] = new Array(PLACES).fill(undefined)

/** Of a name in any case, from its length and three of its bytes. */
function placeOf(bytes: Uint8Array, from: number, to: number): number {
  const sample = ((bytes[from]! | 0x20) * 31 + (bytes[(from + to) >> 1]! | 0x20)) * 31 + (bytes[to - 1]! | 0x20)
  return (sample * 31 + to - from) & (PLACES - 1)
}

function enter(spelling: string, key: string): void {
  const known: KnownName = { spelling, key, slot: SLOTS[key] ?? SLOT.other }
  KNOWN.set(spelling.toLowerCase(), known)
  SPELLED.set(spelling, known)
  const bytes = Uint8Array.from(spelling, character => character.charCodeAt(0))
  let place = placeOf(bytes, 0, bytes.length)
  while (PLACED[place]) place = (place + 1) & (PLACES - 1)
  PLACED[place] = known
}

for (const entry of NAMES.trim().split(/\s+/)) {
  const [long = '', compact] = entry.split(':')
  enter(long, long.toLowerCase())
  if (compact) enter(compact, long.toLowerCase())
}

/** The header name that fills `text` from `from` to `to` as the RFC spells it. */
export function exactName(bytes: Uint8Array, text: string, from: number, to: number): KnownName | undefined {
  for (let place = placeOf(bytes, from, to); ; place = (place + 1) & (PLACES - 1)) {
    const known = PLACED[place]
    if (!known || (known.spelling.length === to - from && text.startsWith(known.spelling, from))) return known
  }
}

/** The same in any case. */
export const nameInAnyCase = (name: string): KnownName | undefined => KNOWN.get(name.toLowerCase())

/** Lower-case long form of a header name. */
export function headerKey(name: string): string {
  const exact = SPELLED.get(name)
  if (exact) return exact.key
  const lower = name.toLowerCase()
  return KNOWN.get(lower)?.key ?? lower
}

export const isListHeader = (key: string): boolean => LISTS.has(key)

/** A header field that remembers the line it came in on and what a typed reader made of it. Its value never changes. */
export class Field implements HeaderField {
  readonly name: string
  readonly key: string
  readonly value: string
  /** Text that holds the line from #start to #end; empty for a field that was not received. */
  readonly #text: string
  readonly #start: number
  readonly #end: number
  #typed: unknown

  constructor(name: string, key: string, value: string, text = '', start = 0, end = 0, typed?: unknown) {
    this.name = name
    this.key = key
    this.value = value
    this.#text = text
    this.#start = start
    this.#end = end
    this.#typed = typed
  }

  /** The lines from that of `first` to that of `last`, of one run, without the CRLF at their end: as received if they were. */
  static lines(first: HeaderField, last: HeaderField): string {
    if (!(#text in first)) return `${first.name}: ${sendable(first.value)}`
    if (first.#end === 0) return `${first.name}: ${first.value}`
    return first.#text.slice(first.#start, #text in last ? last.#end : first.#end)
  }

  /** Index of the last field that came in on the lines right behind that of the field at `from`; Content-Length ends a run. */
  static lastOfRun(fields: readonly HeaderField[], from: number): number {
    let at = from
    for (let last = fields[at]!; #text in last && last.#end > 0; at++) {
      const next = fields[at + 1]
      if (!next || !(#text in next) || next.#start !== last.#end + 2) return at
      if (next.#text !== last.#text || next.key === 'content-length') return at
      last = next
    }
    return at
  }

  static isReceived(field: HeaderField): field is Field {
    return #text in field && field.#end > 0
  }

  /** What `read` makes of the field, kept. One field has one type, so one `read`. */
  static typed<T>(field: HeaderField, read: (value: string) => T): T {
    if (!(#typed in field)) return read(field.value)
    field.#typed ??= read(field.value)
    return field.#typed as T
  }
}

/** A header field to send. Line ends become spaces and characters beyond latin1 `?`, so no value can add a header. */
export const field = (name: string, value: string): HeaderField => new Field(name, headerKey(name), sendable(value))

const UNSENDABLE = /[\r\n]|[^\x00-\xff]/

export const sendable = (text: string): string =>
  UNSENDABLE.test(text) ? text.replace(/[\r\n]+/g, ' ').replace(/[^\0-\xff]/g, '?') : text
