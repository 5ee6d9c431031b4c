import type { Flow } from '../../base/flow.ts'
import { sourceOf } from '../../base/source.ts'
import { Tally } from '../../base/tally.ts'
import type { Now } from '../../base/time.ts'
import type { CallSide, RelayedMedia } from '../../sip/relay-types.ts'
import type { Target } from '../../sip/session-types.ts'
import { callId } from '../../sip-parser-lite/typed.ts'
import type { HistoryOwner } from '../../store/history.ts'
import { fromStranger, type HistoryDesk, type Located, type Said } from '../history/history-desk.ts'
import { headAsReceived, historyItem } from '../history/history-item.ts'
import type { RecorderContext } from '../history/history-recorder.ts'
import type { InviteKind } from '../invite-kind.ts'
import { JoinedBranch, type JoinedCall } from './joined-branch.ts'
import type { Sides, StreamContext } from './joined-stream.ts'

/** Each has two connections of the 1024 that there are, so that half of them are left for whoever delivers and sends. */
const SESSIONS_MAX = 256
/** Of the 64 connections that one address may open: the rest is for what is sent to the box itself. */
const LEGS_OF_ONE_MAX = 48

interface JoinedSessionsParts extends StreamContext {
  readonly historyDesk: HistoryDesk
  readonly recorder: RecorderContext
  isTrusted(flow: Flow): boolean
}

/**
 * The sessions between others that the box is in the middle of, for users who want them in their histories (HIS-STO-03..05). Nobody
 * else's media come here, and who cannot be joined is not recorded: a session never fails for it.
 */
export class JoinedSessions {
  readonly #parts: JoinedSessionsParts
  readonly #branches = new Set<JoinedBranch>()
  readonly #legsOf = new Tally()
  #streams = 0

  constructor(parts: JoinedSessionsParts) {
    this.#parts = parts
  }

  /** Undefined: no history wants it, and not one byte of the call changes. */
  join(said: Said | undefined, located: Located, wants: InviteKind['kind'], caller: Flow): RelayedMedia | undefined {
    const owners = said ? this.#owners(said, located, wants) : []
    if (!said || owners.length === 0) return undefined
    const { received, arrival } = said
    const kind = wants === 'large message' ? 'large' : 'session'
    const call: JoinedCall = {
      subject: {
        kind,
        owners,
        item: now => historyItem(kind, now, arrival.request, arrival.sender),
        ...fromStranger(arrival),
      },
      callId: callId(received),
      head: headAsReceived(received),
    }
    return { branch: (_now, callee) => this.#branch(call, { caller, callee }) }
  }

  stop(now: Now): void {
    for (const branch of this.#branches) branch.stop(now)
  }

  describe(): { open: number; calls: number } {
    return { open: this.#streams, calls: this.#branches.size }
  }

  #owners(said: Said, located: Located, wants: InviteKind['kind']): readonly HistoryOwner[] {
    return this.#parts.historyDesk.ownersOf(said, located, wants === 'large message' ? 'large' : 'session')
  }

  #branch(call: JoinedCall, sides: Sides): JoinedBranch {
    const context = { ...this.#parts, enter: (of: Sides) => this.#enter(of) }
    const branch: JoinedBranch = new JoinedBranch(context, call, sides, () => this.#branches.delete(branch))
    this.#branches.add(branch)
    return branch
  }

  #enter(sides: Sides): (() => void) | string {
    const sources = (['caller', 'callee'] satisfies CallSide[]).flatMap(side => this.#sourceOf(sides[side]))
    if (this.#streams >= SESSIONS_MAX) return 'too many sessions'
    if (sources.some(source => this.#legsOf.of(source) >= LEGS_OF_ONE_MAX)) return 'too many sessions of one address'
    this.#streams++
    for (const source of sources) this.#legsOf.add(source)
    return () => {
      this.#streams--
      for (const source of sources) this.#legsOf.remove(source)
    }
  }

  /** Behind the core the connections come from anywhere. */
  #sourceOf(to: Target): string[] {
    if (!('id' in to)) return [sourceOf(to.address)]
    return this.#parts.isTrusted(to) ? [] : [sourceOf(to.remote.address)]
  }
}
