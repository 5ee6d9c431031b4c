import type { Counters } from '../../base/counters.ts'
import type { Flow } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import { withoutAssertion } from '../../sip/identity.ts'
import { has, value } from '../../sip-parser-lite/access.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import type { HistoryChoice, HistoryKind, HistoryLimits, HistoryOwner, NewHistory } from '../../store/history.ts'
import { isHistoryWanted } from '../../store/history-story.ts'
import type { StoreClient } from '../../store/verbs.ts'
import type { Admission } from '../admission.ts'
import type { Arrival } from '../arrival.ts'
import { type ContentKind, contentKind, mediaTypeOf } from '../content-kind.ts'
import type { Domain } from '../domain.ts'
import { servedUser } from '../served-user.ts'
import { ANONYMOUS, asReceived, bareUri, historyItem } from './history-item.ts'
import type { HistoryNotes } from './history-notes.ts'

/** Messages that were delivered and wait for flash: with more, whoever takes a message into custody would wait for histories. */
const WAITING_MAX = 1024
const WAITING_BYTES_MAX = 8 * 1024 * 1024

export interface HistoryPolicy {
  /** Whether there is a history function at all. */
  readonly isEnabled: boolean
  readonly limits: HistoryLimits
}

/** Users of ours whose histories a message may go into (HIS-STO-07). */
interface Parties {
  readonly receiver?: string
  readonly sender?: string
}

/** A MESSAGE or INVITE as histories see it. */
export interface Said extends Parties {
  readonly at: Now
  /** As received, less what was asserted by somebody who is not believed. */
  readonly received: SipRequest
  readonly arrival: Pick<Arrival, 'request' | 'sender'>
}

/** What `locate` says of its `aor` and of its `sender`. */
export type Located = HistoryChoice & { readonly senderHistory?: HistoryChoice }

/** Made where it is kept, so that what is not kept costs nothing. `content`: if it was looked at already. Undefined: it is nothing to be kept. */
export type HistoryMaker = (content?: ContentKind) => NewHistory | undefined

/**
 * Decides in whose histories a message goes, and what is kept of it (HIS-STO-01, 07). It runs beside custody and delivery: nothing
 * waits for it, and what fails is counted and logged.
 */
export class HistoryDesk {
  readonly #store: StoreClient
  readonly #domain: Domain
  readonly #policy: HistoryPolicy
  readonly #counters: Counters
  readonly #notes: HistoryNotes
  readonly #waiting = { messages: 0, bytes: 0 }

  constructor(options: {
    store: StoreClient
    domain: Domain
    history: HistoryPolicy
    counters: Counters
    notes: HistoryNotes
  }) {
    this.#store = options.store
    this.#domain = options.domain
    this.#policy = options.history
    this.#counters = options.counters
    this.#notes = options.notes
  }

  /** Undefined: it is in nobody's history, whatever they decided. */
  said(now: Now, received: SipRequest, arrival: Arrival, admission: Admission, flow: Flow): Said | undefined {
    if (!this.#policy.isEnabled) return undefined
    const { receiver, sender } = this.#parties(received, arrival, admission, flow)
    if (receiver === undefined && sender === undefined) return undefined
    const isToOneself = receiver === sender
    return {
      at: now,
      received: admission.kind === 'peer' ? received : withoutAssertion(received),
      arrival,
      ...(receiver !== undefined && { receiver }),
      // One message, one item: whoever wrote it to themselves has it as what they got.
      ...(sender !== undefined && !isToOneself && { sender }),
    }
  }

  /** Undefined: nobody wants it. */
  wanted(said: Said | undefined, located: Located): HistoryMaker | undefined {
    const owners = said ? this.ownersOf(said, located, 'message') : []
    return said && owners.length > 0 ? content => this.#make(said, owners, content) : undefined
  }

  /** Who keeps it, in which role, and with whom they speak. The store asks the same of its settings again, when it is kept. */
  ownersOf(said: Said, located: Located, kind: HistoryKind): readonly HistoryOwner[] {
    const { received, arrival, receiver, sender } = said
    const isOn = (choice: HistoryChoice = {}): boolean =>
      isHistoryWanted(choice, kind, this.#policy.limits.isActiveByDefault)
    const owners: HistoryOwner[] = []
    if (receiver !== undefined && isOn(located))
      owners.push({ aor: receiver, role: 'receiver', peer: this.#peer(arrival.sender.name) })
    if (sender !== undefined && isOn(receiver === undefined ? located : located.senderHistory))
      owners.push({ aor: sender, role: 'sender', peer: this.#peer(received.uri) })
    return owners
  }

  /** It was delivered; its receiver and sender have their answers. */
  keep(history: NewHistory | undefined): void {
    if (!history) return
    const waiting = this.#waiting
    const { length } = history.piece.bytes
    if (waiting.messages >= WAITING_MAX || waiting.bytes + length > WAITING_BYTES_MAX)
      return this.#notes.failed(history.item, 'busy')
    waiting.messages++
    waiting.bytes += length
    this.#store.ask('history.keep', history, (now, result) => {
      waiting.messages--
      waiting.bytes -= length
      if ('failure' in result) this.#notes.failed(history.item, result.failure)
      else this.#notes.kept(now, history.item, result.value)
    })
  }

  /** The same where nobody has looked yet whether it is wanted. */
  keepIfWanted(said: Said | undefined): void {
    const aor = said?.receiver ?? said?.sender
    if (!said || aor === undefined) return
    const { sender } = said
    this.#store.ask('locate', { aor, ...(sender !== undefined && { sender }) }, (_now, result) => {
      if ('failure' in result) this.#counters.count('history_failed', result.failure)
      else this.keep(this.wanted(said, result.value)?.())
    })
  }

  describe(): { messages: number; bytes: number } {
    return { ...this.#waiting }
  }

  #parties(received: SipRequest, { request, recipient }: Arrival, admission: Admission, flow: Flow): Parties {
    const leg = admission.kind === 'peer' ? legOf(received) : undefined
    const isRoutedOn = has(request, 'route')
    const isForReceiver = leg !== 'orig' || !isRoutedOn
    const receiver = isForReceiver ? (recipient ?? this.#userOf(request.uri, flow)) : undefined
    const sender = leg === 'term' ? undefined : this.#proven(received, admission, flow)
    return { ...(receiver !== undefined && { receiver }), ...(sender !== undefined && { sender }) }
  }

  #proven(received: SipRequest, admission: Admission, flow: Flow): string | undefined {
    if (admission.kind === 'user' && !admission.isProven) return undefined
    return servedUser(admission, received, this.#domain, flow)
  }

  #userOf(uri: string, flow: Flow): string | undefined {
    return /^sips?:/i.test(uri) ? this.#domain.userOf(uri, flow) : undefined
  }

  #peer(uri: string): string {
    if (uri === ANONYMOUS) return uri
    const bare = bareUri(uri)
    return (/^sips?:/i.test(bare) && this.#domain.userOf(bare)) || bare
  }

  #make(said: Said, owners: readonly HistoryOwner[], content = kindOf(said.received)): NewHistory | undefined {
    // Not what was said, but about it: typing, and receipts (docs/protocol.md).
    if (content.isNoise || content.isReceipt) return undefined
    const { at, received, arrival } = said
    return {
      item: historyItem('message', at, arrival.request, arrival.sender),
      owners,
      piece: { at: at.wall, from: 'caller', bytes: asReceived(received), isEnd: true },
      limits: this.#policy.limits,
      ...fromStranger(arrival),
    }
  }
}

/** Anybody may say anything in the name of anybody: that must not cost a user what was said before. */
export const fromStranger = ({ sender }: Pick<Arrival, 'sender'>): { isFromStranger?: true } =>
  sender.isProven ? {} : { isFromStranger: true }

function kindOf(request: SipRequest): ContentKind {
  const type = value(request, 'content-type')
  return contentKind(type === undefined ? undefined : mediaTypeOf(type), has(request, 'content-encoding'), request.body)
}

/** RFC 5502: behind a core each side of a message may come through here by itself. Undefined: it does not say whose it is. */
function legOf(request: SipRequest): 'orig' | 'term' | undefined {
  const served = value(request, 'p-served-user')
  const [, leg] = /;\s*sescase\s*=\s*(orig|term)\b/i.exec(served ?? '') ?? []
  return leg?.toLowerCase() as 'orig' | 'term' | undefined
}
