import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { BoxState, BoxStateView } from '../watchdog/box-state.ts'
import type { Notifier } from './notifier.ts'

/** What the manager allows for each step of a start that takes long; asked for again while it goes on. */
const STEP_S = 60
/** Of a slow card, read once from its beginning to its end: what a store is looked through with at the worst, in one go. */
const STORE_BYTES_PER_S = 4 * 1024 * 1024

/** Messages may be taken again at any moment; each look is a write of a few octets where the one before failed. */
const LOOK_MS = 1000
/** A start anew may bring back a card that lost its power; until then page, console and what waits are there. A quarter of an hour of looks. */
const MEDIUM_LOOKS = 900

/** `systemctl status` shows numbers of about now; nobody is called for them. */
const FIGURES_MS = 60_000

export interface Figures {
  readonly accounts: number
  readonly messages: number
}

export interface Obstacle {
  readonly reason: string
  /** It ends while the box serves, as a full disk does when messages leave; a start of the process would not help. Else it is the medium. */
  readonly isPassing: boolean
}

/** What the manager is told of the box that serves. */
export interface Spoken {
  readonly domain: () => string
  /** A write of the store, flushed; then what keeps a message from being taken all the same. Undefined: one could be. */
  readonly tryCustody: () => Promise<Obstacle | undefined>
  readonly figures: () => Promise<Figures | undefined>
}

/** How long opening this store may take at the worst. */
export function openingS(dataDir: string): number {
  const bytes = statSync(join(dataDir, 'mailbox', 'data.mdb'), { throwIfNoEntry: false })?.size ?? 0
  return STEP_S + Math.ceil(bytes / STORE_BYTES_PER_S)
}

/** Speaks to the service manager for the box: ready once messages can be taken, then what it does. */
export class Voice {
  readonly #notifier: Notifier
  readonly #spoken: Spoken
  readonly #state: BoxState
  #timer: NodeJS.Timeout | undefined
  #unwatch = (): void => {}
  #figures: Figures | undefined
  #looksLeft: number
  #isReady = false
  #isStopped = false

  constructor(notifier: Notifier, state: BoxState, spoken: Spoken, mediumLooks = MEDIUM_LOOKS) {
    this.#notifier = notifier
    this.#looksLeft = mediumLooks
    this.#state = state
    this.#spoken = spoken
  }

  /** Resolves when messages can be taken, or it was stopped. Until then it serves: what waits is delivered, which makes room. */
  async start(): Promise<void> {
    for (;;) {
      const obstacle = await this.#spoken.tryCustody()
      if (this.#isStopped) return
      if (obstacle === undefined) break
      this.#notifier.status(`not ready: ${obstacle.reason}`)
      if (obstacle.isPassing || this.#looksLeft-- > 0) this.#notifier.extendS(STEP_S)
      await this.#pause(LOOK_MS)
      if (this.#isStopped) return
    }
    await this.#look()
    this.#isReady = true
    this.#notifier.ready()
    this.#unwatch = this.#state.watch(view => this.#tell(view))
  }

  /** What a signal asked to be read again. */
  reload<T>(read: () => T): T {
    if (this.#isReady) this.#notifier.reloading()
    const result = read()
    if (this.#isReady) this.#notifier.ready()
    return result
  }

  stop(): void {
    this.#isStopped = true
    this.#unwatch()
    clearTimeout(this.#timer)
    this.#notifier.status('stopping')
    this.#notifier.stopping()
  }

  async #look(): Promise<void> {
    this.#figures = (await this.#spoken.figures()) ?? this.#figures
    if (this.#isStopped) return
    this.#tell(this.#state.view)
    this.#timer = setTimeout(() => void this.#look(), FIGURES_MS).unref()
  }

  #tell(view: BoxStateView): void {
    this.#notifier.status(statusLine(view, this.#spoken.domain(), this.#figures))
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      this.#timer = setTimeout(resolve, ms)
    })
  }
}

export function statusLine({ condition, reason }: BoxStateView, domain: string, figures: Figures | undefined): string {
  if (condition === 'fault') return `cannot take messages: ${reason}`
  const serving = figures
    ? `serving ${domain}: ${counted(figures.accounts, 'account')}, ${counted(figures.messages, 'message')} waiting`
    : `serving ${domain}`
  return condition === 'degraded' ? `degraded: ${reason}; ${serving}` : serving
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
