import { readCpim } from '../content/cpim-read.ts'
import { CPIM_TYPE, IMDN_TYPE, type ReceiptRequest, receiptAsked } from '../content/imdn.ts'

/** RFC 3994: that somebody is typing is of no use later. */
const TYPING = 'application/im-iscomposing+xml'

/** Typing notices are some hundred bytes; what is larger, or says something else, is a message whatever it calls itself. */
const TYPING_BYTES_MAX = 4096

/** Receipts are some hundred bytes; what is much larger counts as a message, whatever it calls itself. */
const RECEIPT_BYTES_MAX = 8192

const IS_TYPING = /<([\w.-]+:)?isComposing\b/

/** `mediaType` in lower case, without parameters; `bytes` of the content, as far as is known. */
export const isNoise = (mediaType: string | undefined, bytes: number): boolean =>
  mediaType === TYPING && bytes <= TYPING_BYTES_MAX

export const mediaTypeOf = (contentType: string): string => contentType.split(';', 1)[0]!.trim().toLowerCase()

export const isCpim = (mediaType: string | undefined): boolean => mediaType === CPIM_TYPE

/** What a content is to somebody who is away. */
export interface ContentKind {
  /** Of no use later. */
  readonly isNoise: boolean
  /** A receipt (RFC 5438), about which nobody is told. */
  readonly isReceipt: boolean
  readonly asked: ReceiptRequest | undefined
}

/**
 * By its type and, inside message/cpim, by what stands before the content there. What is encoded (Content-Encoding) is not looked
 * into. `start`: the first bytes, at least 8 KiB or all of it.
 */
export function contentKind(mediaType: string | undefined, isEncoded: boolean, start: Buffer): ContentKind {
  const head = isCpim(mediaType) && !isEncoded ? readCpim(start) : undefined
  const inner = head ? head.mediaType : mediaType
  return {
    isNoise: isNoise(inner, start.length) && !isEncoded && IS_TYPING.test(start.toString('latin1')),
    isReceipt: inner === IMDN_TYPE && start.length <= RECEIPT_BYTES_MAX,
    asked: inner === IMDN_TYPE ? undefined : head && receiptAsked(head),
  }
}
