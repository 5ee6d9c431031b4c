import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import { sipDate } from '../base/time.ts'
import { addLast, has } from '../sip-parser-lite/access.ts'
import { encodeMessage } from '../sip-parser-lite/encode.ts'
import type { HeaderField, SipRequest } from '../sip-parser-lite/message.ts'
import { field } from '../sip-parser-lite/names.ts'
import type { CustodyLimits, RefusalReason, StoreClient, StoreFailure } from '../store/verbs.ts'
import { type ContentKind, contentKind } from './content-kind.ts'
import type { CustodyWatch } from './custody-watch.ts'
import { type ExpiryPolicy, expiryOf } from './expiry.ts'
import { type Incoming, messageIdentity } from './incoming.ts'
import { type ReceiptPolicy, receiptTerms } from './receipt-terms.ts'

export interface CustodyPolicy {
  readonly isEnabled: boolean
  readonly expiry: ExpiryPolicy
  readonly limits: CustodyLimits
  readonly bodyBytesMax: number
  readonly receipts: ReceiptPolicy
}

type CustodyOutcome =
  | { readonly kind: 'stored'; readonly seq: number; readonly isNew: boolean }
  /** In the sender's words: why it was not kept. */
  | { readonly kind: 'refused'; readonly status: number; readonly why: string }

/** Headers that end with this hop: where it came by and how it was proven, never what was said. */
const HOP_HEADERS = new Set(['route', 'record-route', 'authorization', 'proxy-authorization', 'proxy-require'])

export const WHY: Record<RefusalReason, string> = {
  'unknown recipient': 'no such user',
  'message quota': 'mailbox full: too many messages wait already',
  'byte quota': 'mailbox full: no room for a message of this size',
  'receipt quota': 'too many receipts wait already',
  'sender share': 'you have too many messages waiting for this person already',
  'sender quota': 'you have too many messages waiting here already',
  'flash reserve': 'storage full',
}

/** Takes page-mode messages into custody (DM-STO-01..04, 08..12): the answer comes when they are on stable storage, or are not. */
export class CustodyDesk {
  readonly #store: StoreClient
  readonly #policy: CustodyPolicy
  readonly #watch: CustodyWatch
  readonly #log: Log

  constructor(options: { store: StoreClient; policy: CustodyPolicy; watch: CustodyWatch; log: Log }) {
    this.#store = options.store
    this.#policy = options.policy
    this.#watch = options.watch
    this.#log = options.log
  }

  /** Refusals are 603 (DM-DEC-03), 513 for a body over the limit, 503 when the store is overrun. */
  take(now: Now, incoming: Incoming, done: (now: Now, outcome: CustodyOutcome) => void): void {
    const { request, terms, recipient } = incoming
    const { receipts } = this.#policy
    const content = contentKind(terms.mediaType, has(request, 'content-encoding'), request.body)
    const refusal = this.#refusal(request, content)
    if (refusal) return done(now, refusal)
    const expiresAt = expiryOf(terms, now, this.#policy.expiry)
    if (expiresAt === 'never kept') return done(now, declined('Expires: 0 asks not to be kept'))
    const receipt = receiptTerms(now, content.asked, incoming, receipts)
    const message = {
      ...messageIdentity(incoming),
      bytes: storedForm(request, now),
      receivedAt: now.wall,
      expiresAt,
      isUrgent: terms.isUrgent,
      ...(receipt && { receipt }),
      ...(content.isReceipt && { isReceipt: true }),
    }
    const history = incoming.history?.(content)
    const taking = { message, limits: this.#limitsFor(incoming), ...(history && { history }) }
    this.#store.ask('custody', taking, (then, result) => {
      if ('failure' in result) return done(then, this.#failed(message.callId, result))
      const custody = result.value
      if (custody.outcome === 'refused') return done(then, declined(WHY[custody.reason]))
      done(then, { kind: 'stored', seq: custody.seq, isNew: custody.outcome === 'stored' })
      this.#watch.took(then, recipient, custody, receipt, history)
    })
  }

  #limitsFor({ isOwn }: Incoming): CustodyLimits {
    const { sender: _, ...limits } = this.#policy.limits
    return isOwn ? limits : this.#policy.limits
  }

  #refusal(request: SipRequest, content: ContentKind): CustodyOutcome | undefined {
    if (!this.#policy.isEnabled) return declined('offline delivery is switched off here')
    if (request.body.length > this.#policy.bodyBytesMax)
      return { kind: 'refused', status: 513, why: `more than ${this.#policy.bodyBytesMax} octets` }
    return content.isNoise ? declined('typing notices are not kept') : undefined
  }

  #failed(id: string, { failure, detail }: StoreFailure): CustodyOutcome {
    this.#log.error('message not stored', { call_id: id, failure, detail })
    if (failure === 'busy') return { kind: 'refused', status: 503, why: 'too many messages at once' }
    return declined(failure === 'full' ? 'storage full' : 'storage failed')
  }
}

const declined = (why: string): CustodyOutcome => ({ kind: 'refused', status: 603, why })

/** DM-STO-01, 02: every header and body as received, a Date if there was none, less what ends with this hop. */
function storedForm(request: SipRequest, now: Now): Buffer {
  const headers: HeaderField[] = []
  let hasForwards = false
  for (const header of request.headers) {
    if (header.key === 'max-forwards') {
      if (!hasForwards) headers.push(header.value === '70' ? header : FULL_WAY)
      hasForwards = true
    } else if (!HOP_HEADERS.has(header.key)) headers.push(header)
  }
  if (!hasForwards) headers.push(FULL_WAY)
  const kept: SipRequest = { ...request, headers }
  if (!has(request, 'date')) addLast(kept, 'Date', sipDate(now.wall))
  return encodeMessage(kept)
}

/** RFC 3261 8.1.1.6: a push is a journey of its own. */
const FULL_WAY = field('Max-Forwards', '70')
