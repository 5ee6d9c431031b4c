import type { WallTime } from '../base/time.ts'
import type { CpimHead } from './cpim-read.ts'

export const CPIM_TYPE = 'message/cpim'
export const IMDN_TYPE = 'message/imdn+xml'

const NAMESPACE = 'urn:ietf:params:imdn'

/** An id that is longer is nobody's; what is echoed must not be much larger than what asked for it. */
const ID_LENGTH_MAX = 256
const PARTY_LENGTH_MAX = 1024

/** What a message asks to be told of (RFC 5438 6.2); text is latin1. */
export interface ReceiptRequest {
  readonly messageId: string
  /** RFC 3339; as the sender wrote it. */
  readonly dateTime: string | undefined
  /** CPIM header values. */
  readonly from: string
  readonly to: string
  /** RFC 5438 8: whom it was to before a list server wrote it to somebody else; a URI. */
  readonly originalTo?: string
  /** `processing`: that it was stored. */
  readonly wantsStored: boolean
  /** `negative-delivery`. */
  readonly wantsFailed: boolean
}

/** Undefined where nothing is asked for that an intermediary may tell, or it cannot be told. */
export function receiptAsked(head: CpimHead): ReceiptRequest | undefined {
  if (head.mediaType === IMDN_TYPE) return undefined
  const asked = head.of(NAMESPACE, 'Disposition-Notification').flatMap(list => list.split(','))
  const kinds = new Set(asked.map(kind => kind.split(';', 1)[0]!.trim()))
  const [wantsStored, wantsFailed] = [kinds.has('processing'), kinds.has('negative-delivery')]
  if (!wantsStored && !wantsFailed) return undefined
  const [messageId] = head.of(NAMESPACE, 'Message-ID')
  const [[from], [to]] = [head.core('From'), head.core('To')]
  if (messageId === undefined || !/^\S+$/.test(messageId) || messageId.length > ID_LENGTH_MAX) return undefined
  if (!isParty(from) || !isParty(to)) return undefined
  const [dateTime] = head.core('DateTime')
  const [original = ''] = head.of(NAMESPACE, 'Original-To')
  const originalTo = original.length > PARTY_LENGTH_MAX ? undefined : uriIn(original)
  const isDate = dateTime !== undefined && DATE_TIME.test(dateTime)
  const parties = { from, to, ...(originalTo !== undefined && { originalTo }) }
  return { messageId, dateTime: isDate ? dateTime : undefined, ...parties, wantsStored, wantsFailed }
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i

const isParty = (value: string | undefined): value is string =>
  value !== undefined && value.length <= PARTY_LENGTH_MAX && uriIn(value) !== undefined

const uriIn = (party: string): string | undefined => /<([^<>\s]+)>$/.exec(party)?.[1]

interface Imdn {
  /** Its own, and that of the message that it is about. */
  readonly id: string
  readonly about: Pick<ReceiptRequest, 'messageId' | 'from' | 'to' | 'originalTo'> & { readonly dateTime: string }
  readonly status: 'stored' | 'failed'
  /** For a person. */
  readonly why: string
  readonly at: WallTime
  /** Whom the message was for. */
  readonly recipientUri: string
}

const STATUS: Record<Imdn['status'], string> = {
  stored: '<processing-notification><status><stored/></status></processing-notification>',
  failed: '<delivery-notification><status><failed/></status></delivery-notification>',
}

/** RFC 5438 7.2.1, 8.3: the body of a message/cpim that goes the other way. It asks for no receipt (RFC 5438 14). */
export function encodeImdn({ id, about, status, why, at, recipientUri }: Imdn): Buffer {
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn">',
    `<message-id>${escaped(about.messageId)}</message-id>`,
    `<datetime>${escaped(about.dateTime)}</datetime>`,
    `<recipient-uri>${escaped(recipientUri)}</recipient-uri>`,
    `<original-recipient-uri>${escaped(about.originalTo ?? uriIn(about.to) ?? recipientUri)}</original-recipient-uri>`,
    STATUS[status],
    '</imdn>',
    '',
  ].join('\r\n')
  const lines = [
    `From: ${about.to}`,
    `To: ${about.from}`,
    `NS: imdn <${NAMESPACE}>`,
    `imdn.Message-ID: ${id}`,
    `DateTime: ${new Date(at).toISOString()}`,
    `Subject: ${why}`,
    '',
    `Content-Type: ${IMDN_TYPE}`,
    'Content-Disposition: notification',
    `Content-Length: ${xml.length}`,
    '',
    xml,
  ]
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

const escaped = (text: string): string => text.replace(/[&<>]/g, character => ENTITIES[character]!)
