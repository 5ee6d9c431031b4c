import { after, type Instant, type Now } from '../../base/time.ts'
import type { Timer, Timers } from '../../base/timers.ts'
import type { MsrpEndpoint } from '../../msrp/endpoint.ts'
import type { MsrpSession } from '../../msrp/session.ts'
import type { Resolver } from '../../sip/next-hop.ts'
import type { Session } from '../../sip/session.ts'
import type { NewUpload } from '../../store/verbs.ts'
import { addressed } from '../msrp-address.ts'
import { LargeReceiver } from './large-receiver.ts'
import type { LargeRecords } from './large-records.ts'
import type { UploadContext, UploadRefusal } from './upload.ts'

/** A sender who says nothing for so long is gone: longer than an MSRP client waits for an answer (30 s). */
const SILENCE_MS = 60_000

/** So long a sender has to hear that a message is refused before the session ends for it. */
const REFUSED_MS = 2000

interface LargeSessionParts {
  readonly msrp: MsrpEndpoint
  readonly timers: Timers
  readonly resolver: Resolver
  readonly uploads: UploadContext
}

export interface LargeSessionOptions {
  readonly transport: 'tcp' | 'tls'
  /** Of our MSRP URI. */
  readonly host: string
  /** The sender's, for a secure stream. */
  readonly fingerprints: readonly string[]
  messageFor(now: Now, messageId: string): NewUpload
  /** Where histories want what comes. */
  readonly records?: LargeRecords
}

interface LargeSessionEvents {
  onStored(now: Now, isNew: boolean): void
  onRefused(now: Now, why: UploadRefusal): void
  /** Once; nothing of it is left but messages that are whole and on their way to flash. */
  onOver(now: Now): void
}

/** A sender's session with the store: the MSRP side, the dialog that it belongs to, and when both end. */
export class LargeSession {
  readonly #parts: LargeSessionParts
  readonly #events: LargeSessionEvents
  readonly #receiver: LargeReceiver
  readonly #records: LargeRecords | undefined
  readonly #msrp: MsrpSession
  #dialog: Session | undefined
  #timer: Timer | undefined
  #heardAt = 0 as Instant
  #isOver = false

  constructor(parts: LargeSessionParts, options: LargeSessionOptions, events: LargeSessionEvents) {
    this.#parts = parts
    this.#events = events
    const { messageFor, transport, host, fingerprints, records } = options
    const heard = {
      hold: (now: Now, isHeld: boolean) => this.#msrp.hold(now, isHeld),
      onHeard: (now: Now) => this.#heard(now),
      onStored: (now: Now, isNew: boolean) => events.onStored(now, isNew),
      onRefused: (now: Now, why: UploadRefusal) => this.#refused(now, why),
    }
    const receiver = new LargeReceiver(parts.uploads, messageFor, heard, records && (now => records.begin(now)))
    this.#receiver = receiver
    this.#records = records
    this.#msrp = parts.msrp.open(
      { onReady: now => this.#heard(now), onClosed: now => this.end(now) },
      { receiver, transport, host, ...(transport === 'tls' && fingerprints.length > 0 && { fingerprints }) },
    )
  }

  /** What goes into a=path of the answer. */
  get localPath(): string {
    return this.#msrp.localPath
  }

  /** The answer is out. */
  start(now: Now, dialog: Session, remotePath: readonly string[], role: 'active' | 'passive'): void {
    this.#dialog = dialog
    this.#heard(now)
    this.#watch()
    addressed(now, this.#parts.resolver, { remotePath, role }, (then, found) => {
      if (this.#isOver) return
      if (found) this.#msrp.start(then, found)
      else this.end(then)
    })
  }

  /** For any reason, the sender's BYE among them: what is not whole is dropped. */
  end(now: Now): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#parts.timers.cancel(this.#timer)
    this.#receiver.close(now)
    this.#msrp.close(now)
    this.#dialog?.bye(now)
    this.#records?.end(now)
    this.#events.onOver(now)
  }

  #heard(now: Now): void {
    this.#heardAt = now.at
  }

  /** What we keep the sender waiting for is not its silence. */
  #watch(): void {
    const due = (this.#heardAt + SILENCE_MS) as Instant
    this.#timer = this.#parts.timers.set('large message silence', due, then => {
      if (this.#receiver.isBusy) this.#heard(then)
      if (then.at >= this.#heardAt + SILENCE_MS) this.end(then)
      else this.#watch()
    })
  }

  /** DM-DEC-05 and the decision table: MSRP 413, then BYE. */
  #refused(now: Now, why: UploadRefusal): void {
    this.#events.onRefused(now, why)
    if (this.#isOver) return
    this.#parts.timers.cancel(this.#timer)
    this.#timer = this.#parts.timers.set('large message refused', after(now, REFUSED_MS), then => this.end(then))
  }
}
