import type { Counters } from '../../base/counters.ts'
import { type Entropy, token } from '../../base/entropy.ts'
import type { Flow } from '../../base/flow.ts'
import type { Log } from '../../base/log.ts'
import { sourceOf } from '../../base/source.ts'
import { Tally } from '../../base/tally.ts'
import type { Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import { CPIM_TYPE } from '../../content/imdn.ts'
import type { MsrpEndpoint } from '../../msrp/endpoint.ts'
import { usableFingerprints } from '../../sdp/fingerprint.ts'
import { obstacleToReceiving, receiveAnswer } from '../../sdp/receive-answer.ts'
import { freshSessionId } from '../../sdp/session-id.ts'
import { answersSetup } from '../../sdp/stream-answer.ts'
import type { Resolver } from '../../sip/next-hop.ts'
import type { Sessions } from '../../sip/session.ts'
import type { ServerTransaction } from '../../sip/transaction/server-transaction.ts'
import { hasUnreadParts } from '../../sip/unread-parts.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { callId } from '../../sip-parser-lite/typed.ts'
import type { NewUpload, StoreClient } from '../../store/verbs.ts'
import { type Answer, unavailable, warning } from '../answers.ts'
import { contentKind } from '../content-kind.ts'
import { type CustodyPolicy, WHY } from '../custody.ts'
import type { CustodyWatch } from '../custody-watch.ts'
import { endOf } from '../expiry.ts'
import { fromStranger, type HistoryDesk, type Located, type Said } from '../history/history-desk.ts'
import { headAsReceived, historyItem } from '../history/history-item.ts'
import type { RecorderContext } from '../history/history-recorder.ts'
import { messageIdentity, type Sender } from '../incoming.ts'
import type { MessageOffer } from '../invite-kind.ts'
import { InviteTaker } from '../invite-taker.ts'
import { contactOf, type OwnAddresses } from '../own-addresses.ts'
import { receiptTerms } from '../receipt-terms.ts'
import type { Terms } from '../terms.ts'
import { LargeRecords } from './large-records.ts'
import { LargeSession, type LargeSessionOptions } from './large-session.ts'
import { ReceiveBudget } from './receive-budget.ts'
import { sipfragHead } from './sipfrag-head.ts'
import type { UploadContext, UploadRefusal } from './upload.ts'

/** An INVITE of a large message to a user of ours who cannot have it now. */
interface Invitation {
  /** As received. */
  readonly received: SipRequest
  /** Ours: identity headers settled, as `Incoming.request`. */
  readonly request: SipRequest
  readonly recipient: string
  readonly sender: Sender
  readonly terms: Terms
  readonly offer: MessageOffer
  /** For histories, and what of them is wanted. */
  readonly said?: Said
  readonly located: Located
}

/** Sessions in which messages arrive: each may have one read of 64 KiB beyond the shared memory. */
const SESSIONS_MAX = 256
/** Of those who proved nothing, so that they cannot take the place of all others. */
const UNPROVEN_MAX = 64
/** Of one sender; of those who proved nothing, and may call themselves anything, of one address or IPv6 /64. */
const SESSIONS_OF_ONE_MAX = 16

const WHY_REFUSED: Record<UploadRefusal, string> = {
  ...WHY,
  'too large': 'larger than the box takes',
  'too many pieces': 'its chunks are too scattered',
  contradictory: 'its chunks contradict each other',
  gone: 'the mailbox is gone',
  busy: 'too many messages at once',
  closed: 'shutting down',
  full: 'storage full',
  io: 'storage failed',
}

interface LargeMessagesParts {
  readonly store: StoreClient
  readonly sessions: Sessions
  readonly msrp: MsrpEndpoint
  readonly own: OwnAddresses
  readonly resolver: Resolver
  readonly timers: Timers
  readonly entropy: Entropy
  readonly counters: Counters
  readonly log: Log
  readonly policy: CustodyPolicy
  readonly watch: CustodyWatch
  readonly historyDesk: HistoryDesk
  readonly recorder: RecorderContext
  readonly hostname: string
  /** `sip:store@domain`: who answers in place of the absent user (DM-INV-09). */
  readonly storeUri: string
  /** Of our MSRP over TLS, if there is one. */
  readonly localFingerprint?: () => string
  isOwnVia(host: string, port: number | undefined): boolean
}

/**
 * The store in place of an absent user: DM-DEC-04, 05, DM-INV-01..09. What will not be kept is refused at the INVITE, before anything
 * connects; what is accepted arrives in sessions of which each message becomes one of the mailbox.
 */
export class LargeMessages {
  readonly #parts: LargeMessagesParts
  readonly #uploads: Omit<UploadContext, 'judge' | 'took'>
  readonly #budget = new ReceiveBudget()
  readonly #taker: InviteTaker
  readonly #open = new Tally()
  readonly #running = new Set<LargeSession>()
  #unproven = 0

  constructor(parts: LargeMessagesParts) {
    this.#parts = parts
    const { store, timers, policy, entropy } = parts
    const { limits, bodyBytesMax: bytesMax } = policy
    const freshTransactionId = (): string => token(entropy, 80)
    this.#uploads = { store, timers, budget: this.#budget, limits, bytesMax, freshTransactionId }
    this.#taker = new InviteTaker(parts)
  }

  /** Answers 200 and takes what comes (`stored` is told of each message in the mailbox), or gives the answer that refuses. */
  take(
    now: Now,
    transaction: ServerTransaction,
    invitation: Invitation,
    refuse: (now: Now, answer: Answer) => void,
    stored: (now: Now) => void,
  ): void {
    const refusal = this.#refusal(transaction.flow, invitation)
    if (refusal) return refuse(now, refusal)
    const { recipient, request } = invitation
    const head = sipfragHead(request, now)
    const from = messageIdentity(invitation)
    const room = { aor: recipient, bytes: head.length, limits: this.#parts.policy.limits, from }
    this.#parts.store.ask('room', room, (then, result) => {
      // RFC 3261 9.2: a caller who gave up has its 487.
      if (transaction.state !== 'proceeding') return
      if ('failure' in result) return refuse(then, unavailable(5))
      if (result.value !== 'room') return refuse(then, this.#declined(WHY[result.value]))
      const late = this.#crowdRefusal(transaction.flow, invitation.sender)
      if (late) return refuse(then, late)
      this.#accept(then, transaction, invitation, head, stored)
    })
  }

  /** Shutting down: senders are told, and what is whole goes on to flash. */
  stop(now: Now): void {
    for (const session of this.#running) session.end(now)
  }

  describe(): object {
    return { sessions: this.#running.size, memory: this.#budget.describe() }
  }

  /** What the INVITE alone decides. */
  #refusal(flow: Flow, { received, offer }: Invitation): Answer | undefined {
    if (!this.#parts.policy.isEnabled) return this.#declined('offline delivery is switched off here')
    const refusal = this.#taker.refusal(received) ?? this.#unread(received)
    if (refusal) return refusal
    const obstacle = obstacleToReceiving(offer.media) ?? this.#missing(flow, offer)
    return obstacle === undefined ? undefined : this.unusable(obstacle)
  }

  /** RFC 3261 8.2.3: better refused than a part of it lost. */
  #unread(received: SipRequest): Answer | undefined {
    if (!hasUnreadParts(received)) return undefined
    const why = 'only the session description of the INVITE can be kept, and it has more than that'
    return { status: 415, headers: [['Accept', 'application/sdp'], warning(this.#parts.hostname, why)] }
  }

  /** RFC 3261 21.4.26: an offer that cannot be answered. */
  unusable(why: string): Answer {
    return this.#taker.unusable(why)
  }

  #missing(flow: Flow, { media }: MessageOffer): string | undefined {
    if (this.#taker.endpoint(flow, media)) return undefined
    return media.isSecure ? 'MSRP over TLS is switched off here' : 'MSRP without TLS is switched off here'
  }

  /** DM-DEC-05, and the reason for a person. */
  #declined(why: string): Answer {
    this.#parts.counters.count('large_messages_refused', 'INVITE')
    return { status: 603, headers: [warning(this.#parts.hostname, why)] }
  }

  #crowdRefusal(flow: Flow, sender: Sender): Answer | undefined {
    const isFull = this.#running.size >= SESSIONS_MAX || (!sender.isProven && this.#unproven >= UNPROVEN_MAX)
    const isGreedy = this.#open.of(this.#ownerOf(flow, sender)) >= SESSIONS_OF_ONE_MAX
    return isFull || isGreedy ? unavailable(30) : undefined
  }

  #accept(
    now: Now,
    transaction: ServerTransaction,
    invitation: Invitation,
    head: Buffer,
    stored: (now: Now) => void,
  ): void {
    const { own, sessions, entropy, storeUri, policy, localFingerprint } = this.#parts
    const { received, offer } = invitation
    const { media } = offer
    const transport = media.isSecure ? 'tls' : 'tcp'
    const endpoint = this.#taker.endpoint(transaction.flow, media)!
    const records = this.#recordsOf(invitation)
    const place = { transport, host: endpoint.address, ...(records && { records }) } as const
    const session = this.#newSession(transaction.flow, invitation, head, place, stored)
    const body = receiveAnswer(offer.sdp, media, {
      endpoint,
      path: session.localPath,
      sessionId: freshSessionId(entropy),
      maxSize: policy.bodyBytesMax,
      ...(media.isSecure && { fingerprint: localFingerprint!() }),
    })
    const contact = contactOf(own.contactUri(transaction.flow))
    const headers: [string, string][] = [['P-Asserted-Identity', `<${storeUri}>`]]
    const options = { contact, body, contentType: 'application/sdp', headers, remoteSdp: offer.bytes }
    const dialog = sessions.accept(now, transaction, received, options, {
      onAnswer: (_then, answer) => records?.answered(headAsReceived(answer)),
      onConfirmed: () => {},
      onBye: (_then, bye) => records?.hungUp(headAsReceived(bye)),
      onEnded: then => session.end(then),
    })
    session.start(now, dialog, media.path, answersSetup(media.setup))
  }

  #newSession(
    flow: Flow,
    invitation: Invitation,
    head: Buffer,
    place: Pick<LargeSessionOptions, 'transport' | 'host' | 'records'>,
    stored: (now: Now) => void,
  ): LargeSession {
    const { counters, log } = this.#parts
    const { received, sender, offer } = invitation
    const call = { call_id: callId(received) }
    const fingerprints = usableFingerprints(offer.media.fingerprints) ?? []
    const options = { ...place, fingerprints, messageFor: this.#messageFor(invitation, head) }
    counters.count('large_message_sessions')
    this.#entered(flow, sender)
    const parts = { ...this.#parts, uploads: this.#uploadsFor(invitation) }
    const session: LargeSession = new LargeSession(parts, options, {
      onStored: (then, isNew) => {
        counters.count('large_messages_stored', isNew ? 'new' : 'duplicate')
        stored(then)
      },
      onRefused: (_then, why) => {
        counters.count('large_messages_refused', 'transfer')
        log.warn('large message not stored', { ...call, why: WHY_REFUSED[why] })
      },
      onOver: () => {
        this.#running.delete(session)
        this.#left(flow, sender)
      },
    })
    this.#running.add(session)
    return session
  }

  /** HIS-STO-03, 05, 07: undefined where no history wants it. */
  #recordsOf({ said, located }: Invitation): LargeRecords | undefined {
    const { historyDesk, recorder } = this.#parts
    const owners = said ? historyDesk.ownersOf(said, located, 'large') : []
    if (!said || owners.length === 0) return undefined
    const { request, sender } = said.arrival
    return new LargeRecords(recorder, {
      owners,
      invite: headAsReceived(said.received),
      item: now => historyItem('large', now, request, sender),
      ...fromStranger(said.arrival),
    })
  }

  #uploadsFor(invitation: Invitation): UploadContext {
    const { policy, watch } = this.#parts
    return {
      ...this.#uploads,
      judge: (now, start) => {
        const { isNoise, isReceipt, asked } = contentKind(CPIM_TYPE, false, start)
        const receipt = receiptTerms(now, asked, invitation, policy.receipts)
        return { isNoise, isReceipt, ...(receipt && { receipt }) }
      },
      took: (now, custody, receipt) => watch.took(now, invitation.recipient, custody, receipt),
    }
  }

  #entered(flow: Flow, sender: Sender): void {
    if (!sender.isProven) this.#unproven++
    this.#open.add(this.#ownerOf(flow, sender))
  }

  #left(flow: Flow, sender: Sender): void {
    if (!sender.isProven) this.#unproven--
    this.#open.remove(this.#ownerOf(flow, sender))
  }

  #ownerOf({ remote }: Flow, { name, isProven }: Sender): string {
    return isProven || this.#parts.policy.limits.sender?.areNamesBelieved ? name : sourceOf(remote.address)
  }

  /** What the messages of one INVITE have in common; DM-STO-13: the default expiry, from when their first octets come. */
  #messageFor(invitation: Invitation, head: Buffer): (now: Now, messageId: string) => NewUpload {
    const identity = messageIdentity(invitation)
    const lifeMs = this.#parts.policy.expiry.defaultS * 1000
    return (now, messageId) => ({
      ...identity,
      messageId,
      head,
      receivedAt: now.wall,
      expiresAt: endOf(now, lifeMs),
      isUrgent: invitation.terms.isUrgent,
    })
  }
}
