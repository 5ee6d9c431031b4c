import type { Counters } from '../base/counters.ts'
import { type Entropy, token } from '../base/entropy.ts'
import { sourceOf } from '../base/source.ts'
import { Tally } from '../base/tally.ts'
import { after, type Now } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import type { SipMessage, SipRequest } from '../sip-parser-lite/message.ts'
import { callId, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import type { PeerSide } from './peer-side.ts'
import type { BranchMedia } from './relay-types.ts'
import { MIN_SE_S, readSessionExpires } from './session-timer.ts'
import { TRANSACTION_MS } from './transaction/timer-values.ts'

/** Each holds a kilobyte or two; a thousand phones do not talk to ten others each at once. */
const CALLS_MAX = 10_000
/**
 * That ring at once for callers at one address or IPv6 /64: more than a site behind one NAT makes in the time that a phone rings, and
 * a small part of the INVITEs that may be under way, so that nobody alone keeps all others from calling. Trusted peers have no limit.
 */
export const RINGING_PER_SOURCE_MAX = 256
/** A fork reaches the contacts of one user; more tags than these are invented (RFC 3261 13.2.2.4). */
const DIALOGS_MAX = 10
/** No phone rings longer: the INVITE's server transaction ends by then. */
const EARLY_MS = 300_000
/** A dialog without a session timer: as long as a conversation may be silent. Also the longest interval that is believed. */
const UNTIMED_MS = 24 * 3600 * 1000
/** Calls that `describe` lists one by one. */
const LISTED_MAX = 100
const TOKEN_BITS = 80

interface RelayedDialog {
  readonly calleeTag: string
  readonly callee: PeerSide
  readonly media: BranchMedia | undefined
  isAnswered: boolean
  hasEnded: boolean
  /** How long it is kept after it was last heard of. */
  lifeMs: number
  timer: Timer | undefined
}

/** One INVITE that we relayed, and the dialogs that its answers made. */
export interface RelayedCall {
  /** Stands in our Record-Route; nobody else knows it. */
  readonly token: string
  readonly callId: string
  readonly callerTag: string
  readonly caller: PeerSide
  /** Whose limits it counts for; undefined for a trusted peer's. */
  readonly source: string | undefined
  /** By the tag of the callee. */
  readonly dialogs: Map<string, RelayedDialog>
  /** Ends it while it rings, to make room. */
  readonly displace: (now: Now) => void
  isRinging: boolean
}

/** The callee of a dialog, as a response of it says. */
interface HeardCallee {
  readonly tag: string
  side(): PeerSide
  readonly media: BranchMedia | undefined
}

/** Which dialog a request belongs to, and where it goes. */
export interface InDialog {
  readonly call: RelayedCall
  readonly dialog: RelayedDialog
  readonly from: PeerSide
  readonly to: PeerSide
}

/** The dialogs whose requests pass through us, within bounds. */
export class RelayedCalls {
  readonly #parts: { readonly timers: Timers; readonly entropy: Entropy; readonly counters: Counters }
  readonly #callsMax: number
  readonly #calls = new Map<string, RelayedCall>()
  /** Those that nobody has answered yet, oldest first. */
  readonly #ringing = new Set<RelayedCall>()
  readonly #ringingFrom = new Tally()
  readonly #openFrom = new Tally()

  constructor(parts: { timers: Timers; entropy: Entropy; counters: Counters }, callsMax = CALLS_MAX) {
    this.#parts = parts
    this.#callsMax = callsMax
  }

  /**
   * With too many, the one that has rung longest makes room; undefined when all were answered, or when callers of this source have too
   * many ringing, or half of all.
   */
  open(
    now: Now,
    request: SipRequest,
    caller: PeerSide,
    isTrusted: boolean,
    displace: (now: Now) => void,
  ): RelayedCall | undefined {
    const source = isTrusted ? undefined : sourceOf(caller.flow.remote.address)
    if (source !== undefined && this.#hasTooMany(source)) return undefined
    if (this.#calls.size >= this.#callsMax) {
      const [oldest] = this.#ringing
      oldest?.displace(now)
      if (this.#calls.size >= this.#callsMax) return undefined
    }
    const call: RelayedCall = {
      token: token(this.#parts.entropy, TOKEN_BITS),
      callId: callId(request),
      callerTag: fromTag(request) ?? '',
      caller,
      source,
      dialogs: new Map(),
      displace,
      isRinging: true,
    }
    this.#calls.set(call.token, call)
    this.#ringing.add(call)
    if (source !== undefined) {
      this.#openFrom.add(source)
      this.#ringingFrom.add(source)
    }
    return call
  }

  byToken(user: string | undefined): RelayedCall | undefined {
    return user === undefined ? undefined : this.#calls.get(user)
  }

  /** Both tags have to match: whoever knows the token alone is no part of the dialog. */
  match(call: RelayedCall, request: SipRequest): InDialog | undefined {
    if (callId(request) !== call.callId) return undefined
    const [from, to] = [fromTag(request) ?? '', toTag(request) ?? '']
    const ofCaller = from === call.callerTag ? call.dialogs.get(to) : undefined
    if (ofCaller) return { call, dialog: ofCaller, from: call.caller, to: ofCaller.callee }
    const ofCallee = to === call.callerTag ? call.dialogs.get(from) : undefined
    return ofCallee && { call, dialog: ofCallee, from: ofCallee.callee, to: call.caller }
  }

  /** A response of a phone makes a dialog, or confirms it. False if the phones of this call have invented too many. */
  heard(now: Now, call: RelayedCall, heard: HeardCallee, success?: SipMessage): boolean {
    const { tag: calleeTag, media } = heard
    let dialog = call.dialogs.get(calleeTag)
    if (!dialog) {
      if (call.dialogs.size >= DIALOGS_MAX && !(success && this.#dropEarly(call))) return false
      const callee = heard.side()
      dialog = { calleeTag, callee, media, isAnswered: false, hasEnded: false, lifeMs: EARLY_MS, timer: undefined }
      call.dialogs.set(calleeTag, dialog)
      this.renew(now, call, dialog)
    }
    if (success && !dialog.isAnswered) {
      dialog.isAnswered = true
      this.renew(now, call, dialog, success)
    }
    return true
  }

  /** Something of the dialog arrived where it should; a 2xx to INVITE or UPDATE says how long that counts (RFC 4028 8.2). */
  renew(now: Now, call: RelayedCall, dialog: RelayedDialog, success?: SipMessage): void {
    if (dialog.hasEnded) return
    if (success) dialog.lifeMs = lifeOf(success)
    this.#endAfter(now, call, dialog, dialog.lifeMs)
  }

  /** A BYE was answered. What crosses it or comes again still finds its way. */
  bye(now: Now, call: RelayedCall, dialog: RelayedDialog): void {
    if (dialog.hasEnded) return
    dialog.hasEnded = true
    this.#parts.counters.count('relayed_dialogs_ended', 'bye')
    dialog.media?.ended(now, dialog.calleeTag, 'bye')
    this.#endAfter(now, call, dialog, TRANSACTION_MS)
  }

  /** The INVITE has its final answer; one that nobody accepted leaves nothing behind. */
  settled(call: RelayedCall, isAnswered: boolean): void {
    call.isRinging = false
    if (this.#ringing.delete(call) && call.source !== undefined) this.#ringingFrom.remove(call.source)
    if (isAnswered) return
    for (const { timer } of call.dialogs.values()) this.#parts.timers.cancel(timer)
    this.#forget(call)
  }

  describe(): object {
    const calls = [...this.#calls.values()].slice(0, LISTED_MAX).map(call => ({
      callId: call.callId,
      state: call.isRinging ? 'ringing' : 'answered',
      dialogs: call.dialogs.size,
    }))
    return { open: this.#calls.size, ringing: this.#ringing.size, calls }
  }

  #endAfter(now: Now, call: RelayedCall, dialog: RelayedDialog, delayMs: number): void {
    const { timers } = this.#parts
    timers.cancel(dialog.timer)
    dialog.timer = timers.set('relayed dialog', after(now, delayMs), then => this.#drop(then, call, dialog))
  }

  #dropEarly(call: RelayedCall): boolean {
    const early = [...call.dialogs.values()].find(({ isAnswered }) => !isAnswered)
    if (!early) return false
    this.#parts.timers.cancel(early.timer)
    return call.dialogs.delete(early.calleeTag)
  }

  #drop(now: Now, call: RelayedCall, dialog: RelayedDialog): void {
    if (dialog.isAnswered && !dialog.hasEnded) this.#parts.counters.count('relayed_dialogs_ended', 'expired')
    if (!dialog.hasEnded) dialog.media?.ended(now, dialog.calleeTag, 'silence')
    call.dialogs.delete(dialog.calleeTag)
    if (call.dialogs.size === 0 && !call.isRinging) this.#forget(call)
  }

  #forget(call: RelayedCall): void {
    if (this.#calls.delete(call.token) && call.source !== undefined) this.#openFrom.remove(call.source)
  }

  #hasTooMany(source: string): boolean {
    return this.#ringingFrom.of(source) >= RINGING_PER_SOURCE_MAX || this.#openFrom.of(source) >= this.#callsMax / 2
  }
}

/** RFC 4028 8.2, 10: the interval, and as long again as the BYE of whoever waited for a refresh takes. */
function lifeOf(success: SipMessage): number {
  const seconds = readSessionExpires(success)?.seconds
  if (seconds === undefined) return UNTIMED_MS
  return Math.min(Math.max(seconds, MIN_SE_S) * 1000 + TRANSACTION_MS, UNTIMED_MS)
}
