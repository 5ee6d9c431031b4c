import type { Now } from '../base/time.ts'
import type { MsrpHost } from './host.ts'
import { Leg } from './relay-leg.ts'
import type { MsrpRelay, RelayEvents, RelayOptions, RelaySide } from './relay-types.ts'
import type { MsrpSessionEvents, MsrpSessionOptions, MsrpStart, Session } from './session.ts'

/** Makes the session of one side, known to the endpoint. */
type OpenLeg = (events: MsrpSessionEvents, options: MsrpSessionOptions & { readonly leg: Leg }) => Session

/** Two sessions, of which each has the other one's requests: RFC 4976 with both paths known from SDP. */
export class Relay implements MsrpRelay {
  readonly #host: MsrpHost
  readonly #events: RelayEvents
  readonly #legs: Readonly<Record<RelaySide, Leg>>
  readonly #starts: Partial<Record<RelaySide, MsrpStart>> = {}
  readonly #onEnd: () => void
  #state: MsrpRelay['state'] = 'new'

  constructor(host: MsrpHost, options: RelayOptions, events: RelayEvents, open: OpenLeg, onEnd: () => void) {
    this.#host = host
    this.#events = events
    this.#onEnd = onEnd
    const caller = this.#leg('caller', options, open)
    const callee = this.#leg('callee', options, open)
    caller.other = callee
    callee.other = caller
    this.#legs = { caller, callee }
  }

  get state(): MsrpRelay['state'] {
    return this.#state
  }

  get unanswered(): number {
    return this.#legs.caller.unanswered + this.#legs.callee.unanswered
  }

  pathFor(side: RelaySide): string {
    return this.#legs[side].session.localPath
  }

  /** Only when both are known: who answers a request of ours has to know its From-Path. */
  startLeg(now: Now, side: RelaySide, options: MsrpStart): void {
    if (this.#state === 'closed') return
    this.#starts[side] ??= options
    const { caller, callee } = this.#starts
    if (!caller || !callee) return
    this.#host.run(now, () => {
      this.#legs.caller.session.start(now, caller)
      this.#legs.callee.session.start(now, callee)
    })
  }

  hold(now: Now, isHeld: boolean): void {
    if (this.#state === 'closed') return
    this.#host.run(now, () => {
      for (const leg of Object.values(this.#legs)) leg.hold(now, 'listenerIsFull', isHeld)
    })
  }

  /** There is no room for it. */
  refuse(): void {
    this.#state = 'closed'
  }

  close(now: Now): void {
    this.#host.run(now, () => this.#end(now))
  }

  #leg(side: RelaySide, options: RelayOptions, open: OpenLeg): Leg {
    const { onPiece } = this.#events
    return new Leg(
      this.#host,
      side,
      leg => {
        const events: MsrpSessionEvents = {
          onReady: now => this.#ready(now, leg),
          onClosed: (now, reason) => this.#fail(now, `${side}: ${reason}`),
        }
        return open(events, { ...options[side], receiver: leg.passage, leg })
      },
      {
        onPiece: onPiece && ((now, bytes, isEnd) => onPiece(now, { from: side, bytes, isEnd })),
        onOverfull: now => {
          this.#host.counters.count('msrp_relay_overfull')
          this.#fail(now, `${side}: too much was sent to it before it was there`)
        },
      },
    )
  }

  #ready(now: Now, leg: Leg): void {
    leg.ready(now)
    const areReady = Object.values(this.#legs).every(({ session }) => session.state === 'ready')
    if (areReady && this.#state === 'new') this.#state = 'ready'
  }

  #fail(now: Now, reason: string): void {
    if (this.#state === 'closed') return
    this.#end(now)
    this.#events.onClosed(now, reason)
  }

  /** What did not get through is told before the connections go. */
  #end(now: Now): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#onEnd()
    const legs = Object.values(this.#legs)
    for (const leg of legs) leg.end(now)
    for (const leg of legs) leg.session.close(now)
  }
}
