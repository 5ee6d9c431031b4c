import type { Counters } from '../../base/counters.ts'
import { type Endpoint, hostPort } from '../../base/flow.ts'
import type { Log } from '../../base/log.ts'
import type { ListenerTrials } from '../../services/status.ts'
import { machineAddresses } from '../addresses.ts'
import { type Heard, Limited } from '../diagnosis/limited.ts'
import { NO_DESCRIPTORS } from '../diagnosis/told-error.ts'
import type { Listening } from '../listening.ts'
import { messageOf } from '../plain-error.ts'

/** All of them are open by then, and whoever waited for the box has come. */
const FIRST_MS = 30_000
const PERIOD_MS = 300_000
/** Where one did not answer. */
const AGAIN_MS = 30_000
/** Eight times T1: OPTIONS over UDP is repeated three times within (RFC 3261 17.1.2.2). */
const LIMIT_MS = 4000
/** One may be lost in a burst. */
export const FAILED_MAX = 2
/** A listener that was opened anew and stays silent is not what is wrong: it is tried again after so many failures more, 5 minutes. */
const REOPEN_AGAIN = 10
/** What one question brings in itself: OPTIONS is repeated three times over UDP. */
const OWN_MAX = 4
/** So much later than the limit the loop stood while the answer may have been there: nobody knows. */
const STOOD_MS = 1000

export interface ListenerWatchParts {
  readonly listeners: readonly Listening[]
  /** As a stranger would, from this machine. Never rejects. */
  readonly ask: (listener: Listening, limited: Limited) => Promise<Heard<unknown>>
  /** Nothing is read now, for a good reason. */
  readonly isHeld: () => boolean
  readonly log: Log
  readonly counters: Counters
  readonly addresses?: () => readonly string[]
  readonly monotonicMs?: () => number
  /** Runs it once, unless the function that is returned is called before. */
  readonly later?: (run: () => void, ms: number) => () => void
}

interface Known {
  readonly name: string
  hasAnswered: boolean
  isUntold: boolean
  /** Opening it anew failed: nobody can come in. */
  isClosed: boolean
  failures: number
  reason: string
}

/**
 * Asks each listener of the box now and then what a stranger would ask, one after the other. One that answered before and no longer does
 * is opened anew. One that never did is no fault: this machine may not be allowed to call itself.
 */
export class ListenerWatch {
  readonly #parts: Required<ListenerWatchParts>
  readonly #known = new Map<Listening, Known>()
  readonly #ending = new AbortController()
  #round: Promise<void> | undefined
  #cancel = (): void => {}

  constructor(parts: ListenerWatchParts) {
    const usual = { addresses: machineAddresses, monotonicMs: () => performance.now(), later: afterwards }
    this.#parts = { ...usual, ...parts }
    for (const listener of parts.listeners) {
      const name = `${listener.use} ${listener.transport.toUpperCase()} ${hostPort(listener.endpoint)}`
      this.#known.set(listener, { name, hasAnswered: false, isUntold: false, isClosed: false, failures: 0, reason: '' })
    }
  }

  start(): void {
    this.#next(FIRST_MS)
  }

  /** Resolves when nothing of it is under way any more. */
  async stop(): Promise<void> {
    this.#cancel()
    this.#ending.abort()
    await this.#round
  }

  get view(): ListenerTrials {
    const all = [...this.#known.values()]
    const named = ({ name, reason }: Known) => ({ name, reason: reason.replace(/\.$/, '') })
    return {
      answering: all.filter(({ hasAnswered, failures }) => hasAnswered && failures < FAILED_MAX).length,
      silent: all.filter(({ failures }) => failures >= FAILED_MAX).map(named),
      untold: all.filter(({ isUntold }) => isUntold).map(named),
    }
  }

  /** All of them, once. Never rejects. */
  async round(): Promise<void> {
    for (const [listener, known] of this.#known) {
      if (this.#ending.signal.aborted) return
      try {
        await this.#try(listener, known)
      } catch (error) {
        this.#parts.log.error('internal error', { stack: error instanceof Error ? error.stack : String(error) })
      }
    }
  }

  #next(ms: number): void {
    this.#cancel = this.#parts.later(() => {
      this.#round = this.round().then(() => {
        const isFailing = [...this.#known.values()].some(({ failures }) => failures > 0)
        if (!this.#ending.signal.aborted) this.#next(isFailing ? AGAIN_MS : PERIOD_MS)
      })
    }, ms)
  }

  async #try(listener: Listening, known: Known): Promise<void> {
    const { ask, counters, monotonicMs, log } = this.#parts
    const { entered, refused } = listener
    const begunMs = monotonicMs()
    const heard = await ask(listener, new Limited(this.#ending.signal, LIMIT_MS))
    if (this.#ending.signal.aborted) return
    if (!('failure' in heard)) {
      counters.count('listener_trials', 'answered')
      if (known.failures >= FAILED_MAX) log.info('a listener answers again', { listener: known.name })
      Object.assign(known, { hasAnswered: true, isUntold: false, isClosed: false, failures: 0, reason: '' })
      return
    }
    const isBusy = listener.entered - entered > OWN_MAX || listener.refused > refused
    const hasStood = monotonicMs() - begunMs > LIMIT_MS + STOOD_MS
    if (isBusy || hasStood || this.#parts.isHeld()) return counters.count('listener_trials', 'passed over')
    counters.count('listener_trials', 'silent')
    known.reason = heard.failure
    if (known.hasAnswered) return this.#failed(listener, known)
    if (known.isUntold) return
    known.isUntold = true
    log.warn('a listener cannot be tried from this machine, so nobody looks after it', saidOf(known))
  }

  async #failed(listener: Listening, known: Known): Promise<void> {
    const { log, counters } = this.#parts
    known.failures++
    if (known.failures < FAILED_MAX) return
    const isHere = this.#isHere(listener.endpoint)
    if (!isHere) known.reason = `this machine no longer has the address ${listener.endpoint.address}`
    if (!known.isClosed && (known.failures - FAILED_MAX) % REOPEN_AGAIN !== 0) return
    if (!isHere || known.reason === NO_DESCRIPTORS) return log.error('a listener does not answer', saidOf(known))
    log.error('a listener does not answer, and is opened anew', saidOf(known))
    counters.count('listeners_reopened', listener.use)
    try {
      await listener.reopen()
      known.isClosed = false
    } catch (error) {
      known.isClosed = true
      known.reason = `it cannot be opened anew: ${messageOf(error)}`
      log.error('a listener cannot be opened anew', saidOf(known))
    }
  }

  /** Closing the listener of an address that went and may come back would close it for good. */
  #isHere({ address }: Endpoint): boolean {
    return address === '0.0.0.0' || address === '::' || isLoopback(address) || this.#parts.addresses().includes(address)
  }
}

const saidOf = ({ name, reason }: Known) => ({ listener: name, reason })

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.')

function afterwards(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
