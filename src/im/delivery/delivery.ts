import type { Counters } from '../../base/counters.ts'
import { type Entropy, randomBelow, token } from '../../base/entropy.ts'
import type { Log } from '../../base/log.ts'
import { after, type Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import { type Binding, currentBindings } from '../../sip/binding.ts'
import { SELF_TEST_AOR } from '../../store/story.ts'
import type { StoreClient } from '../../store/verbs.ts'
import { inAnotherForm, isOutdated, type Mailbox, newMailbox, takeBack } from './mailbox.ts'
import { MailboxLeases } from './mailbox-leases.ts'
import { MailboxReader } from './mailbox-reader.ts'
import type { ContactPush, Push, PushEnd } from './push.ts'
import { type DeliveryProfile, planOf, type Rung, rungsAfter } from './rungs.ts'

export interface DeliveryPolicy {
  /** `<offline-delivery active>` of a user who never set it. */
  readonly isActive: boolean
  readonly profile: DeliveryProfile
  readonly retryMinMs: number
  readonly retryMaxMs: number
}

/** Starts one push over one rung of the ladder; undefined when the contact cannot be reached at all. */
type StartPush = (now: Now, rung: Rung, reader: MailboxReader, done: (now: Now, end: PushEnd) => void) => ContactPush

/** Sends what the reader gives by a session that the user asked for. */
type StartFetch = (now: Now, reader: MailboxReader, done: (now: Now, end: PushEnd) => void) => Push

/** What a user fetches: these messages, or all. */
interface FetchWish {
  readonly aor: string
  readonly only?: ReadonlySet<number>
  readonly start: StartFetch
  /** In place of `start`. `busy`: it is being pushed or fetched just now. */
  refused(now: Now, why: 'busy' | 'failed'): void
}

/** Mailboxes pushed at once: each holds at most a page of messages in RAM, so this bounds it to about 64 MiB at worst. */
const RUNNING_MAX = 256

/** A mailbox per registered user with messages waiting; a box serves 10,000 users. */
const KNOWN_MAX = 20_000

/**
 * Hands waiting messages over: at each registration (DM-DLV-01), when a new one joins a mailbox whose owner is there, and again
 * after a back-off with jitter when something was kept. One push per mailbox at a time (docs/protocol.md).
 */
export class Delivery {
  readonly #store: StoreClient
  readonly #timers: Timers
  readonly #entropy: Entropy
  readonly #counters: Counters
  readonly #log: Log
  readonly #policy: DeliveryPolicy
  readonly #startPush: StartPush
  readonly #mailboxes = new Map<string, Mailbox>()
  readonly #queue: Mailbox[] = []
  readonly #leases: MailboxLeases
  readonly #runningMax: number
  #running = 0
  #isStopped = false

  constructor(options: {
    store: StoreClient
    timers: Timers
    entropy: Entropy
    counters: Counters
    log: Log
    policy: DeliveryPolicy
    startPush: StartPush
    /** At once, where not as many as usual. */
    pushes?: number
  }) {
    this.#store = options.store
    this.#timers = options.timers
    this.#entropy = options.entropy
    this.#counters = options.counters
    this.#log = options.log
    this.#policy = options.policy
    this.#startPush = options.startPush
    this.#runningMax = options.pushes ?? RUNNING_MAX
    this.#leases = new MailboxLeases(options.store, options.timers, token(options.entropy, 80))
  }

  /** A contact of this user registered or refreshed: whatever back-off ran is over. */
  registered(now: Now, aor: string, { contact }: Binding): void {
    const mailbox = this.#mailbox(aor)
    if (!mailbox) return
    mailbox.preferred = contact
    this.pushAskedFor(aor)
    if (mailbox.asked !== contact) mailbox.push?.giveWay(now, 'another contact registered')
  }

  /** A message joined the mailbox of a user who has contacts, or pushes were switched on (DM-DLV-03). A back-off goes on, unless it is for messages set aside only. */
  pushNow(aor: string): void {
    const mailbox = this.#mailbox(aor)
    if (!mailbox || (mailbox.state === 'waiting' && mailbox.timer && mailbox.asideUntil === undefined)) return
    this.#enqueue(mailbox)
  }

  /** Whoever looks after the box wants it tried now: as at a registration, whatever back-off ran is over. */
  pushAskedFor(aor: string): void {
    const mailbox = this.#mailbox(aor)
    if (!mailbox) return
    mailbox.failures = 0
    takeBack(mailbox)
    this.#enqueue(mailbox)
  }

  /** A message was kept because no contact took it just now: not the very next moment again, and not while that try may still be answered. */
  pushLater(now: Now, aor: string): void {
    const mailbox = this.#mailbox(aor)
    if (!mailbox || (mailbox.state === 'waiting' && mailbox.timer)) return
    if (mailbox.state === 'waiting') this.#wait(now, mailbox, this.#backOffMs(mailbox))
    else mailbox.isAskedAgain = true
  }

  /** DM-DLV-02: pushes are switched off; one that runs ends after what is on the way. */
  switchedOff(now: Now, aor: string): void {
    const mailbox = this.#mailboxes.get(aor)
    if (!mailbox) return
    mailbox.isUnwanted = true
    mailbox.push?.stop(now, 'switched off by its owner')
    if (mailbox.state !== 'waiting') return
    this.#timers.cancel(mailbox.timer)
    mailbox.timer = undefined
    this.#forget(mailbox)
  }

  /** The mailbox by a session of the user's own making: never while it is pushed, and nothing is pushed while that lasts. */
  fetch(now: Now, { aor, only, start, refused }: FetchWish): void {
    const mailbox = this.#mailbox(aor)
    if (mailbox?.state !== 'waiting' || this.#running >= this.#runningMax || this.#isStopped)
      return refused(now, 'busy')
    this.#running++
    mailbox.state = 'running'
    // What it waited for is looked at when the fetch is over.
    mailbox.isAskedAgain = mailbox.timer !== undefined
    takeBack(mailbox)
    this.#timers.cancel(mailbox.timer)
    mailbox.timer = undefined
    this.#leases.take(now, mailbox, {
      granted: then => this.#fetchNow(then, mailbox, only, start),
      refused: (then, why) => {
        this.#ended(then, mailbox, undefined)
        refused(then, why)
      },
    })
  }

  /** After a start: these users have contacts and messages. Spread out, so that a restart is no storm. */
  resume(now: Now, aor: string, withinMs: number): void {
    const mailbox = this.#mailbox(aor)
    if (mailbox?.state !== 'waiting' || mailbox.timer) return
    this.#wait(now, mailbox, randomBelow(this.#entropy, withinMs + 1))
  }

  /** Shutting down: no new push; the running ones stop after what is on the way. */
  stop(now: Now): void {
    this.#isStopped = true
    for (const mailbox of this.#mailboxes.values()) {
      this.#timers.cancel(mailbox.timer)
      mailbox.push?.stop(now, 'shutting down')
      mailbox.fetch?.stop(now, 'shutting down')
    }
  }

  describe(): { running: number; queued: number; known: number } {
    return { running: this.#running, queued: this.#queue.length, known: this.#mailboxes.size }
  }

  #mailbox(aor: string): Mailbox | undefined {
    let mailbox = this.#mailboxes.get(aor)
    if (mailbox || this.#isStopped) return mailbox
    if (this.#mailboxes.size >= KNOWN_MAX && aor !== SELF_TEST_AOR) {
      this.#counters.count('delivery_deferred', 'too many mailboxes')
      return undefined
    }
    mailbox = newMailbox(aor)
    this.#mailboxes.set(aor, mailbox)
    return mailbox
  }

  #enqueue(mailbox: Mailbox): void {
    if (this.#isStopped) return
    if (mailbox.state !== 'waiting') {
      mailbox.isAskedAgain = true
      return
    }
    this.#timers.cancel(mailbox.timer)
    mailbox.timer = undefined
    mailbox.state = 'queued'
    // The self-test tells whether messages are delivered at all, not how many wait for their turn.
    if (mailbox.aor === SELF_TEST_AOR) this.#queue.unshift(mailbox)
    else this.#queue.push(mailbox)
    this.#startNext()
  }

  #startNext(): void {
    while ((this.#running < this.#runningMax || this.#queue[0]?.aor === SELF_TEST_AOR) && !this.#isStopped) {
      const mailbox = this.#queue.shift()
      if (!mailbox) return
      this.#running++
      mailbox.state = 'running'
      mailbox.isAskedAgain = false
      this.#run(mailbox)
    }
  }

  /** Most registrations find nothing waiting: one read, and it is over. */
  #run(mailbox: Mailbox): void {
    mailbox.isUnwanted = false
    this.#store.ask('locate', { aor: mailbox.aor }, (now, result) => {
      if ('failure' in result) return this.#ended(now, mailbox, `storage: ${result.detail}`)
      const { bindings, waiting, offlineDelivery } = result.value
      if (mailbox.isUnwanted || !(offlineDelivery ?? this.#policy.isActive))
        return this.#ended(now, mailbox, 'unwanted')
      if (mailbox.asideUntil !== undefined && mailbox.asideUntil <= now.at) takeBack(mailbox)
      if (waiting <= mailbox.aside.size + mailbox.delivered.size) return this.#ended(now, mailbox, undefined)
      const profile = mailbox.aor === SELF_TEST_AOR ? 'message' : this.#policy.profile
      const rungs = planOf(profile, currentBindings(bindings, now), mailbox.preferred)
      mailbox.preferred = undefined
      if (rungs.length === 0) return this.#ended(now, mailbox, 'absent')
      this.#leases.take(now, mailbox, {
        granted: then => this.#climb(then, mailbox, rungs, 'no contact left to try'),
        refused: (then, _why, detail) => this.#ended(then, mailbox, detail),
      })
    })
  }

  /** Down the ladder of docs/protocol.md and over the contacts of 7.3, until one of them took it all. */
  #climb(now: Now, mailbox: Mailbox, rungs: readonly Rung[], why: string): void {
    const rung = rungs[0]
    if (mailbox.isUnwanted) return this.#release(mailbox, 'unwanted')
    if (!rung || this.#isStopped) return this.#release(mailbox, why)
    const reader = new MailboxReader(this.#store, this.#timers, mailbox.aor, mailbox)
    let isOver = false
    mailbox.asked = rung.binding.contact
    const push = this.#startPush(now, rung, reader, (then, end) => {
      isOver = true
      mailbox.push = undefined
      mailbox.asked = undefined
      this.#told(mailbox, rung.form, end)
      reader.whenSettled(then, settled => {
        const others = end.kind === 'done' ? inAnotherForm(mailbox, rungs, rung, end.unfit) : []
        if (end.kind === 'done' && others.length === 0) this.#release(mailbox, undefined)
        else if (end.kind === 'done') this.#climb(settled, mailbox, others, 'no form is left to try')
        else if (isOutdated(mailbox, rung)) this.#release(mailbox, end.why)
        else this.#climb(settled, mailbox, rungsAfter(rungs, rung, end), end.why)
      })
    })
    if (!isOver) mailbox.push = push
  }

  /** What is set aside now waits for the next push or fetch. */
  #fetchNow(now: Now, mailbox: Mailbox, only: ReadonlySet<number> | undefined, start: StartFetch): void {
    const passedOver = { delivered: mailbox.delivered, aside: new Set<number>(), ...(only && { only }) }
    const reader = new MailboxReader(this.#store, this.#timers, mailbox.aor, passedOver)
    let isOver = false
    const session = start(now, reader, (then, end) => {
      isOver = true
      mailbox.fetch = undefined
      this.#told(mailbox, 'fetch', end)
      reader.whenSettled(then, () => this.#release(mailbox, undefined))
    })
    if (!isOver) mailbox.fetch = session
  }

  #told({ aor }: Mailbox, form: Rung['form'] | 'fetch', end: PushEnd): void {
    if (aor === SELF_TEST_AOR) return
    const { kind, delivered } = end
    this.#counters.count(form === 'fetch' ? 'fetch_ended' : 'push_ended', kind)
    this.#counters.count('messages_delivered', form, delivered)
    this.#log.info(form === 'fetch' ? 'fetch ended' : 'push ended', {
      aor,
      form,
      delivered,
      outcome: kind,
      why: end.kind === 'done' ? undefined : end.why,
    })
  }

  #release(mailbox: Mailbox, why: string | undefined): void {
    this.#leases.release(mailbox, then => this.#ended(then, mailbox, why))
  }

  /** `why` is undefined when nothing is left to do, `absent` when only a registration can help, `unwanted` when only its owner can. */
  #ended(now: Now, mailbox: Mailbox, why: string | undefined): void {
    this.#running--
    mailbox.state = 'waiting'
    if (mailbox.isAskedAgain) {
      mailbox.isAskedAgain = false
      if (why === undefined) mailbox.failures = 0
      if (why === undefined || why === 'unwanted' || mailbox.preferred !== undefined) {
        this.#enqueue(mailbox)
        return
      }
    }
    if (why === undefined && mailbox.aside.size > 0) {
      mailbox.asideUntil ??= after(now, this.#backOffMs(mailbox))
      this.#wait(now, mailbox, mailbox.asideUntil - now.at)
    } else if (why === undefined || why === 'absent' || why === 'unwanted') {
      this.#forget(mailbox)
    } else {
      this.#wait(now, mailbox, this.#backOffMs(mailbox))
    }
    this.#startNext()
  }

  /** Not what was delivered and is still to be taken out of the mailbox. */
  #forget(mailbox: Mailbox): void {
    if (mailbox.delivered.size === 0) this.#mailboxes.delete(mailbox.aor)
  }

  #backOffMs(mailbox: Mailbox): number {
    const { retryMinMs, retryMaxMs } = this.#policy
    const fullMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(mailbox.failures, 30))
    mailbox.failures++
    return Math.round(fullMs * 0.75) + randomBelow(this.#entropy, Math.round(fullMs * 0.5) + 1)
  }

  #wait(now: Now, mailbox: Mailbox, delayMs: number): void {
    mailbox.timer = this.#timers.set('push again', after(now, delayMs), () => {
      mailbox.timer = undefined
      this.#enqueue(mailbox)
    })
  }
}
