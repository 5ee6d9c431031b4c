import { UNDATED, type WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import type { HistoryVerbs } from './history.ts'
import { HistoryRequests } from './history-requests.fixture.ts'
import { MemoryStore } from './memory.ts'
import { NO_SETTINGS } from './settings.ts'
import { nextSettings } from './settings-requests.fixture.ts'
import { SELF_TEST_AOR } from './story.ts'
import { UploadRequests } from './upload-requests.fixture.ts'
import { ALL_VERBS } from './verb-mixes.fixture.ts'
import type {
  Account,
  CustodyLimits,
  NewMessage,
  ReceiptTerms,
  Reply,
  RequestOf,
  SenderLimits,
  StoreRequest,
  UploadVerb,
  Verb,
  Verbs,
} from './verbs.ts'

/** Where a run's random choices come from. */
export interface Dice {
  below(bound: number): number
  chance(probability: number): boolean
}

export const CONFORMANCE_HOSTNAME = 'edge1.example.org'

const USERS = ['alice', 'bob', 'carol', 'j\u00fcrgen'].map(user => `sip:${user}@example.org`)
const AORS = [...USERS, SELF_TEST_AOR]
const START = 1_900_000_000_000
const CALLS = 60
const PASSWORD = { ha1Md5: '0123456789abcdef0123456789abcdef' }

type Makers = { readonly [V in Verb]: () => Verbs[V]['request'] }

/**
 * One suite for every store: random sequences of verbs, and what the reference model answers to them. A store is right when no reply
 * differs, whatever restarts come in between.
 */
export class Conformance {
  readonly #model: MemoryStore
  readonly #dice: Dice
  readonly #uploads: UploadRequests
  readonly #history: HistoryRequests
  readonly #makers: Makers
  readonly #verbs: readonly Verb[]
  #wall = START as WallTime

  /** `verbs`: which come, each as often as it stands there. */
  constructor(dice: Dice, verbs = ALL_VERBS) {
    this.#dice = dice
    this.#verbs = verbs
    this.#model = new MemoryStore({ hostname: CONFORMANCE_HOSTNAME })
    this.#uploads = new UploadRequests(dice, {
      identity: () => this.#message(),
      limits: () => this.#limits(),
      wall: () => this.#wall,
      message: () => this.#large(),
    })
    this.#history = new HistoryRequests(dice, {
      aor: () => this.#aor(),
      wall: () => this.#wall,
      ask: request => this.#model.execute(request),
    })
    this.#makers = { ...this.#pageMode, ...this.#uploads.makers, ...this.#history.makers }
  }

  /** The next request of the run. */
  next(): StoreRequest {
    this.#wall = (this.#wall + this.#dice.below(2000)) as WallTime
    const verb = this.#pick(this.#verbs)
    return { verb, ...this.#makers[verb]() } as StoreRequest
  }

  /** Runs the request on the model too; what differs, or undefined. Requests in the order in which the store ran them. */
  check(request: StoreRequest, answer: Reply): string | undefined {
    const reply = this.#model.execute(request as RequestOf<Verb>)
    this.#uploads.learn(request, reply)
    this.#history.learn(request, reply)
    const expected = comparable(reply)
    const actual = comparable(answer)
    return expected === actual ? undefined : `${comparable(request)}\nexpected ${expected}\nanswered ${actual}`
  }

  restart(): void {
    this.#model.restart()
  }

  readonly #pageMode: Omit<Makers, UploadVerb | keyof HistoryVerbs> = {
    'account.get': () => ({ aor: this.#aor() }),
    'account.put': () => {
      const mustBe = this.#pick(['new', 'existing', undefined] as const)
      return { account: this.#account(this.#pick(['store', 'store', 'file'])), ...(mustBe && { mustBe }) }
    },
    'account.remove': () => ({ aor: this.#aor(), at: this.#wall }),
    'account.list': () => this.#listing(),
    'account.provision': () => ({
      accounts: AORS.filter(() => this.#dice.chance(0.6)).map(aor => this.#account('file', aor)),
    }),
    'bindings.get': () => ({ aor: this.#aor() }),
    'bindings.put': () => {
      const aor = this.#aor()
      const { version } = this.#model.execute({ verb: 'bindings.get', aor })
      const bindings = Array.from({ length: this.#dice.below(3) }, (_, i) => this.#binding(i))
      return { aor, version: this.#dice.chance(0.8) ? version : this.#dice.below(5), bindings }
    },
    'bindings.due': () => this.#listing(),
    'bindings.count': () => ({}),
    locate: () => ({ aor: this.#aor(), ...(this.#dice.chance(0.5) && { sender: this.#aor() }) }),
    'settings.get': () => ({ aor: this.#aor() }),
    'settings.put': () => {
      const aor = this.#aor()
      const now = this.#model.execute({ verb: 'settings.get', aor }) ?? NO_SETTINGS
      const settings = nextSettings(this.#dice, now, this.#wall)
      return { aor, version: this.#dice.chance(0.9) ? now.version : this.#dice.below(5), settings }
    },
    'settings.expired': () => ({ at: this.#wall, limit: this.#pick([1, 10]) }),
    'subscription.put': () => ({
      id: this.#subscriptionId(),
      value: this.#pick(['', '{"a":"\u00fc"}', 'x'.repeat(16_380)]),
      max: this.#pick([2, 5, 20]),
    }),
    'subscription.remove': () => ({ id: this.#subscriptionId() }),
    'subscription.list': () => ({
      ...(this.#dice.chance(0.5) && { after: this.#subscriptionId() }),
      limit: this.#pick([1, 3, 100]),
    }),
    summary: () => ({ aor: this.#aor() }),
    'mailbox.version': () => ({ aor: this.#aor() }),
    seen: () => this.#message(),
    custody: () => ({
      message: this.#message(),
      limits: this.#limits(),
      ...(this.#dice.chance(0.2) && { history: this.#history.kept() }),
    }),
    lease: () => ({
      aor: this.#aor(),
      holder: this.#pick(['one', 'two']),
      at: this.#wall,
      forMs: this.#dice.below(5000),
    }),
    release: () => ({ aor: this.#aor(), holder: this.#pick(['one', 'two']) }),
    page: () => ({
      aor: this.#aor(),
      afterSeq: this.#dice.chance(0.7) ? 0 : this.#dice.below(60),
      limit: this.#pick([1, 3, 100]),
      bytes: this.#pick([1, 2000, 1_000_000]),
      at: this.#wall,
      isWallTrusted: this.#dice.chance(0.7),
    }),
    confirm: () => this.#ending('the contact answered 200'),
    attempted: () => this.#ending(this.#pick(['no answer', '', 'x'.repeat(500)])),
    delete: () => {
      const ending = this.#ending('by the owner')
      return this.#dice.chance(0.7) ? ending : { ...ending, ...this.#version(ending.aor) }
    },
    expire: () => ({ at: this.#wall, limit: this.#pick([1, 10]) }),
    redate: () => ({ wall: this.#wall, limit: this.#pick([1, 10]) }),
    forget: () => ({
      before: (this.#wall - this.#dice.below(60_000)) as WallTime,
      keep: this.#pick([0, 5, 1000]),
      limit: this.#pick([1, 10]),
    }),
    mailboxes: () => this.#listing(),
    mailbox: () => ({
      aor: this.#aor(),
      afterSeq: this.#dice.below(20),
      limit: this.#pick([1, 50]),
      withHead: this.#dice.chance(0.5),
    }),
    notices: () => ({ limit: this.#pick([1, 5, 100]), afterId: this.#dice.chance(0.7) ? 0 : this.#dice.below(20) }),
    'notice.done': () => ({ id: this.#noticeId() }),
    trace: () => ({ id: this.#traceId(), limit: this.#pick([1, 10]) }),
    status: () => ({}),
    clock: () => ({ wall: (this.#wall - 1000 + this.#dice.below(2000)) as WallTime }),
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#dice.below(choices.length)]!
  }

  #aor(): string {
    return this.#dice.chance(0.03) ? 'sip:nobody@example.org' : this.#pick(AORS)
  }

  #account(origin: Account['origin'], aor = this.#pick(AORS)): Account {
    return { aor, origin, ...(this.#dice.chance(0.9) && PASSWORD) }
  }

  #listing(): { after?: string; limit: number } {
    return { ...(this.#dice.chance(0.5) && { after: this.#aor() }), limit: this.#pick([1, 2, 10]) }
  }

  #binding(number: number): Binding {
    const remote = { address: '192.0.2.7', port: 5060 + number }
    const local = { address: '192.0.2.1', port: 5060 }
    return {
      contact: `sip:phone${number}@192.0.2.7`,
      params: ';q=0.7',
      q: 700,
      callId: `register-${number}`,
      cseq: this.#dice.below(100),
      registeredAt: this.#wall,
      expiresAt: (this.#wall + 3_600_000) as WallTime,
      path: [],
      flow: { id: `udp/${number}`, transport: 'udp', local, remote },
      isInstantMessaging: this.#dice.chance(0.5),
    }
  }

  #subscriptionId(): string {
    return `tag${this.#dice.below(8)}`
  }

  #message(): NewMessage {
    const size = this.#pick([1, 300, 1024, 1900, 4096, 20_000])
    const text = 'MESSAGE sip:bob@example.org SIP/2.0\r\nSubject: \u00e9\r\n\r\n'
    return {
      recipient: this.#aor(),
      sender: this.#pick([AORS[0]!, AORS[1]!, 'anonymous']),
      callId: this.#callId(),
      cseq: 1 + this.#dice.below(2),
      fromTag: this.#pick(['tag1', 'tag2', '', ' tag1']),
      bytes: Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(size, this.#dice.below(256))]),
      receivedAt: this.#wall,
      expiresAt: ((this.#dice.chance(0.15) ? UNDATED : this.#wall) + this.#dice.below(120_000)) as WallTime,
      isUrgent: this.#dice.chance(0.1),
      ...(this.#dice.chance(0.3) && { receipt: this.#receipt() }),
      ...(this.#dice.chance(0.15) && { isReceipt: true }),
    }
  }

  #receipt(): ReceiptTerms {
    return {
      messageId: `id-${this.#dice.below(5)}`,
      dateTime: '2030-01-02T03:04:05Z',
      from: '\u00c4 <sip:alice@example.org>',
      to: '<sip:bob@example.org>',
      wantsStored: this.#dice.chance(0.5),
      wantsFailed: this.#dice.chance(0.5),
    }
  }

  /** Mostly of one that waits. */
  #noticeId(): number {
    const waiting = this.#model.execute({ verb: 'notices', afterId: 0, limit: 10 })
    return waiting.length > 0 && this.#dice.chance(0.9) ? this.#pick(waiting).id : this.#dice.below(50)
  }

  #limits(): CustodyLimits {
    return {
      quotaMessages: this.#pick([3, 20, 1000]),
      quotaBytes: this.#pick([5000, 200_000, 1_000_000]),
      reserveBytes: this.#pick([0, 0, 0, 2000]),
      ...(this.#dice.chance(0.5) && { sender: this.#senderLimits() }),
    }
  }

  #senderLimits(): SenderLimits {
    return {
      sharePercent: this.#pick([10, 50, 100]),
      undivided: { messages: 8, bytes: 65_536 },
      quotaMessages: this.#pick([5, 20]),
      quotaBytes: this.#pick([10_000, 500_000]),
      areNamesBelieved: this.#dice.chance(0.2),
    }
  }

  #callId(): string {
    return `call-${this.#dice.below(CALLS)}@192.0.2.9`
  }

  /** Mostly a message that waits, sometimes one that does not. */
  #ending(detail: string): { aor: string; seq: number; at: WallTime; detail: string } {
    const aor = this.#aor()
    const waiting = this.#model.execute({ verb: 'mailbox', aor, afterSeq: 0, limit: 100 })
    const seq = waiting.length > 0 && this.#dice.chance(0.9) ? this.#pick(waiting).seq : this.#dice.below(100)
    return { aor, seq, at: this.#wall, detail }
  }

  /** Mostly a large message, if one waits. */
  #large(): { aor: string; seq: number } {
    const all = AORS.flatMap(aor => {
      const waiting = this.#model.execute({ verb: 'mailbox', aor, afterSeq: 0, limit: 100 })
      return waiting.flatMap(({ seq, isLarge }) => (isLarge ? [{ aor, seq }] : []))
    })
    const { aor, seq } = all.length > 0 && this.#dice.chance(0.9) ? this.#pick(all) : this.#ending('')
    return { aor, seq }
  }

  /** That of the moment, or another. */
  #version(aor: string): { ifVersion: string } {
    const found = this.#model.execute({ verb: 'mailbox.version', aor })
    return { ifVersion: this.#dice.chance(0.7) ? (found?.version ?? '') : 'another' }
  }

  #traceId(): string {
    if (this.#dice.chance(0.2)) return 'm2'
    return this.#dice.chance(0.5) ? this.#callId() : `sip:${1 + this.#dice.below(50)}@${CONFORMANCE_HOSTNAME}`
  }
}

/** One text for one value, whatever the order of its fields; free space is the machine's affair. */
function comparable(value: unknown): string {
  return JSON.stringify(value, (name, field) => {
    if (name === 'freeBytes') return undefined
    if (field?.type === 'Buffer') return Buffer.from(field.data).toString('base64')
    if (typeof field !== 'object' || field === null || Array.isArray(field)) return field
    return Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
  }) as string
}
