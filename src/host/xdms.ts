import { Readable } from 'node:stream'
import type { Counters } from '../base/counters.ts'
import { type Entropy, randomBelow } from '../base/entropy.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import { DEFERRED_LIST_TYPE } from '../content/deferred-list.ts'
import { LIST_START } from '../content/list-xml.ts'
import { DEFERRED_LIST, documentPath } from '../content/xcap-names.ts'
import { DeferredList } from '../web/xcap/deferred-list.ts'
import { ask, type XcapStore } from '../web/xcap/usage.ts'
import { listText } from '../web/xcap/user-list.ts'
import { messageOf } from './plain-error.ts'
import type { XdmsClient } from './xdms-client.ts'

/** Documents under way at a time. */
const WORKERS = 4
/** Users whose document is to be written, by name: some 2 MB. Beyond it all users are gone through once more. */
const NAMED_MAX = 20_000
const ACCOUNTS_PAGE = 256
const RETRY_MAX_MS = 300_000

interface XdmsOptions {
  readonly store: XcapStore
  readonly client: Pick<XdmsClient, 'send'>
  readonly now: () => Now
  readonly entropy: Entropy
  readonly counters: Counters
  readonly log: Log
  /** The first wait after a failure; each further one is twice as long. */
  readonly retryMinMs?: number
}

/**
 * Keeps each user's deferred list at another document server (DM-STO-14). At the start every user's is written once, as nobody knows what
 * changed before; from then on those that change, each as it is when its turn comes.
 */
export class Xdms {
  readonly #options: XdmsOptions
  readonly #named = new Set<string>()
  readonly #underWay = new Set<string>()
  readonly #stopping = new AbortController()
  /** Where the going through of all users is; undefined: it is over. */
  #sweep: { after?: string } | undefined = {}
  #isSweepAgain = false
  #isListing = false
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #whenIdle: (() => void)[] = []

  constructor(options: XdmsOptions) {
    this.#options = options
  }

  start(): void {
    this.#work()
  }

  changed(aor: string): void {
    if (this.#named.size < NAMED_MAX) this.#named.add(aor)
    else this.#isSweepAgain = true
    this.#work()
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stopping.abort()
    if (this.#underWay.size > 0 || this.#isListing) await new Promise<void>(resolve => this.#whenIdle.push(resolve))
  }

  describe(): { waiting: number; underWay: number; failures: number } {
    return { waiting: this.#named.size, underWay: this.#underWay.size, failures: this.#failures }
  }

  /** While the server is not there one tries at a time. */
  #work(): void {
    if (this.#stopping.signal.aborted && this.#underWay.size === 0 && !this.#isListing)
      for (const resolve of this.#whenIdle.splice(0)) resolve()
    if (this.#timer || this.#stopping.signal.aborted) return
    const most = this.#failures > 0 ? 1 : WORKERS
    while (this.#underWay.size < most) {
      const aor = this.#nextNamed()
      if (aor === undefined) return void this.#moreUsers()
      this.#named.delete(aor)
      this.#underWay.add(aor)
      this.#one(aor).finally(() => {
        this.#underWay.delete(aor)
        this.#work()
      })
    }
  }

  /** One at a time of each user, or an older list could be the last to arrive. */
  #nextNamed(): string | undefined {
    for (const aor of this.#named) if (!this.#underWay.has(aor)) return aor
    return undefined
  }

  async #one(aor: string): Promise<void> {
    const { counters, log } = this.#options
    try {
      const status = await this.#write(aor)
      if (isTemporary(status)) return this.#failed(`answered ${status}`, aor)
      this.#failures = 0
      counters.count('xdms_writes', status < 300 ? 'written' : String(status))
      if (status >= 300) log.warn('the other document server refused a list', { aor, status })
    } catch (error) {
      this.#failed(messageOf(error), aor)
    }
  }

  async #moreUsers(): Promise<void> {
    if (this.#isListing || this.#named.size > 0) return
    if (!this.#sweep && !this.#isSweepAgain) return
    if (!this.#sweep) this.#isSweepAgain = false
    this.#sweep ??= {}
    this.#isListing = true
    try {
      const accounts = await ask(this.#options.store, 'account.list', { ...this.#sweep, limit: ACCOUNTS_PAGE })
      for (const { aor } of accounts) this.#named.add(aor)
      const last = accounts.at(-1)
      this.#sweep = last && accounts.length === ACCOUNTS_PAGE ? { after: last.aor } : undefined
    } catch (error) {
      this.#failed(messageOf(error))
    }
    this.#isListing = false
    this.#work()
  }

  async #write(aor: string): Promise<number> {
    const { store, client, now } = this.#options
    const { signal } = this.#stopping
    const path = documentPath(DEFERRED_LIST, aor)
    const list = new DeferredList(store)
    const seen = await list.see({ aor, now: now() })
    if (!seen) {
      const status = await client.send({ method: 'DELETE', path }, signal)
      return status === 404 ? 200 : status
    }
    const body = () => Readable.from(listText(list, seen, LIST_START), { objectMode: false })
    return client.send({ method: 'PUT', path, contentType: DEFERRED_LIST_TYPE, body }, signal)
  }

  /** Nothing is forgotten: it is tried again, later each time. */
  #failed(reason: string, aor?: string): void {
    if (this.#stopping.signal.aborted) return
    const { retryMinMs = 1000, entropy, counters, log } = this.#options
    if (aor !== undefined) this.#named.add(aor)
    counters.count('xdms_writes', 'failed')
    if (this.#failures++ === 0)
      log.warn('lists cannot be written to the other document server; tried again', { reason })
    if (this.#timer) return
    const longest = Math.min(RETRY_MAX_MS, retryMinMs * 2 ** Math.min(this.#failures - 1, 20))
    const waitMs = longest / 2 + randomBelow(entropy, Math.ceil(longest / 2))
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#work()
    }, waitMs)
  }
}

/** A server that is not well, or does not know us: everything is to be written once that is put right. */
const isTemporary = (status: number): boolean => status >= 500 || [401, 407, 408, 429].includes(status)
