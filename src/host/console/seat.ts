import { resolve } from 'node:path'
import type { Entropy } from '../../base/entropy.ts'
import type { Log } from '../../base/log.ts'
import { ascii, wrapped } from '../../console/ascii.ts'
import type { ConsoleEnd, ConsoleKeys } from '../../console/options.ts'
import { ConsoleSession } from '../../console/session.ts'
import { messageOf } from '../plain-error.ts'
import { dataDirIn } from '../reset-configuration.ts'
import { isAnswering } from './answering.ts'
import { systemClock } from './clock.ts'
import { mendedConfig } from './mended-config.ts'
import type { OpenStore } from './reduced-store.ts'
import { StreamClient } from './stream-client.ts'
import type { StreamAsk } from './stream-wire.ts'

/** Typed while the box is being asked; whoever brings it is to wait from the first on. */
const AHEAD_BYTES_ENOUGH = 4096
const AHEAD_BYTES_MAX = 65_536
/** How often a reduced console looks whether the box is back. */
const LOOK_MS = 2000
/** A line that nobody uses is given to the box that is back without a word. */
const UNUSED_MS = 60_000
/** A box that is had anew is back within this, as a rule. */
const ANEW_MS = 3000
const ANEW_PAUSE_MS = 250
const ERRORS_SHOWN = 3
/** Ctrl-]: leads from a reduced console to the box. */
const CONNECT_KEY = 0x1d

const SILENT = 'the service does not answer'

export interface SeatOptions {
  /** The configuration file, whatever is in it. */
  readonly file: string
  readonly line: StreamAsk
  readonly write: (text: string) => boolean
  /** After `keys` was answered with false. */
  readonly room?: () => void
  /** Whoever was there left. */
  readonly left: () => void
  readonly openStore: OpenStore
  readonly entropy: Entropy
  readonly log: Log
}

/** What the keys go to now. */
interface Held {
  keys(bytes: Buffer): boolean
  drained(): void
  end(lastWords?: string): void
}

/** A console outside of the box: of the box while it answers, and of what lies on disk while it does not. */
export class ConsoleSeat implements ConsoleKeys {
  readonly #options: SeatOptions
  #held: Held | undefined
  #ahead: Buffer = Buffer.alloc(0)
  /** Another one with each `start`: what an earlier one still had to say is not said any more. */
  #turn: object | undefined
  #usedAt = 0

  constructor(options: SeatOptions) {
    this.#options = options
  }

  start(): void {
    const turn = {}
    this.#turn = turn
    this.#run(turn).catch(error => {
      this.#say(`The console failed: ${messageOf(error)}`)
      this.#options.left()
    })
  }

  keys(bytes: Buffer): boolean {
    this.#usedAt = performance.now()
    if (this.#held) return this.#held.keys(bytes)
    this.#ahead = Buffer.concat([this.#ahead, bytes]).subarray(0, AHEAD_BYTES_MAX)
    return this.#ahead.length < AHEAD_BYTES_ENOUGH
  }

  drained(): void {
    this.#held?.drained()
  }

  hangUp(): void {
    this.#end()
  }

  close(text?: string): void {
    this.#end(text)
  }

  #end(text?: string): void {
    this.#turn = undefined
    this.#ahead = Buffer.alloc(0)
    const held = this.#held
    this.#held = undefined
    held?.end(text)
  }

  async #run(turn: object): Promise<void> {
    let why: string | undefined
    while (this.#turn === turn) {
      const box = why === undefined ? await StreamClient.open(this.#dataDir, this.#options.line) : { why }
      if (this.#turn !== turn) return 'why' in box ? undefined : box.close()
      if ('why' in box) {
        if (!(await this.#reduced(box.why))) break
        why = undefined
        continue
      }
      const end = await this.#attached(box)
      if (end === 'logout' || end === 'idle') break
      if (this.#turn !== turn) return
      this.#say(
        end === 'closed'
          ? 'The service ends or starts anew.'
          : `*** ${WORDS[end]} Whoever was signed in is not any more.`,
      )
      if (end === 'closed') await this.#anew(turn)
      why = end === 'silent' ? SILENT : undefined
    }
    if (this.#turn !== turn) return
    this.#turn = undefined
    this.#options.left()
  }

  /** Until the session there ends. */
  #attached(box: StreamClient): Promise<ConsoleEnd | 'gone' | 'silent'> {
    const { write, room = () => {} } = this.#options
    return new Promise(ended => {
      const end = (why: ConsoleEnd | 'gone' | 'silent'): void => {
        this.#held = undefined
        room()
        ended(why)
      }
      box.use({
        text: text => {
          if (!write(text)) box.pause()
        },
        room,
        ended: end,
      })
      this.#hold({
        keys: bytes => box.keys(bytes),
        drained: () => box.resume(),
        end: () => {
          box.close()
          ended('lost')
        },
      })
    })
  }

  /** False: whoever was there left, and nobody leads them to a box that is back. */
  async #reduced(why: string): Promise<boolean> {
    const { file, openStore, entropy, log, line, write, room } = this.#options
    this.#say(`Reduced console: ${why}.`)
    const { ReducedBox } = await import('./reduced.ts')
    const reduced = new ReducedBox({ file, why, openStore, entropy, log })
    for (const error of reduced.errors.slice(0, ERRORS_SHOWN)) this.#say(error)
    const { promise, resolve: ended } = Promise.withResolvers<boolean>()
    let isBack = false
    const session = new ConsoleSession({
      services: () => reduced.services,
      ...{ write, line: { ...line, place: 'console' }, clock: systemClock },
      ...(room && { room }),
      onEnd: () => ended(isBack),
    })
    const look = setInterval(async () => {
      const wasBack = isBack
      isBack = await isAnswering(this.#dataDir)
      if (isBack && performance.now() - this.#usedAt > UNUSED_MS && line.isPhysical) session.close()
      else if (isBack && !wasBack) session.notice('*** The service answers again: Ctrl-] leads to it.')
    }, LOOK_MS)
    session.start()
    this.#hold({
      keys: bytes => {
        const at = isBack ? bytes.indexOf(CONNECT_KEY) : -1
        if (at < 0) return session.keys(bytes)
        session.close()
        this.#ahead = Buffer.from(bytes.subarray(at + 1))
        return true
      },
      drained: () => session.drained(),
      end: text => session.close(text),
    })
    const goesOn = await promise
    this.#held = undefined
    clearInterval(look)
    await reduced.close()
    return goesOn
  }

  async #anew(turn: object): Promise<void> {
    const until = performance.now() + ANEW_MS
    while (performance.now() < until && this.#turn === turn && !(await isAnswering(this.#dataDir)))
      await new Promise(later => setTimeout(later, ANEW_PAUSE_MS))
  }

  #hold(held: Held): void {
    const ahead = this.#ahead
    this.#ahead = Buffer.alloc(0)
    this.#held = held
    if (ahead.length === 0 || held.keys(ahead)) this.#options.room?.()
  }

  #say(text: string): void {
    // Of a configuration it may have what anybody wrote there.
    const lines = wrapped(`% ${ascii(text)}`, this.#options.line.columns - 1, '  ')
    this.#options.write(`\r\n${lines.join('\r\n')}\r\n`)
  }

  get #dataDir(): string {
    const { file } = this.#options
    return dataDirIn(file) ?? resolve(mendedConfig(file).config.data_dir)
  }
}

const WORDS: Record<'gone' | 'silent' | 'lost', string> = {
  gone: 'The service broke off.',
  silent: 'The service does not answer any more.',
  lost: 'The console of the service failed.',
}
