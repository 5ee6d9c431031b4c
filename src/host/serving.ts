import { setTimeout as after } from 'node:timers/promises'
import type { Config } from '../base/config.ts'
import type { ServeOptions } from './box-options.ts'
import { messageOf, PlainError } from './plain-error.ts'
import { Box } from './serve.ts'

/** What was in the way of the configuration before, e.g. another program on its port, may be gone soon. */
const BACK_TRIES = 10
const BACK_MS = 1000

/** Other data for the box, put in its place while it stands. */
export interface Replacing {
  /** Rejects where nothing was changed. */
  run(): Promise<void>
  /** The box does not start with them: what was there stands again. */
  undo(): void
}

/** A box that can be had anew with another configuration, in the same process. */
export class Serving {
  /** Neither the new nor the old configuration could be served: nothing is left to go on with but a start of the process. */
  readonly ended: Promise<PlainError>
  readonly #options: ServeOptions
  readonly #end: (why: PlainError) => void
  readonly #backMs: number
  #box: Box
  #config: Config
  /** Starts and stops one after the other. */
  #work: Promise<unknown> = Promise.resolve()
  #isStopped = false

  private constructor(options: ServeOptions, box: Box, backMs: number) {
    this.#options = options
    this.#box = box
    this.#config = options.config
    this.#backMs = backMs
    const { promise, resolve } = Promise.withResolvers<PlainError>()
    this.ended = promise
    this.#end = resolve
  }

  static async start(options: ServeOptions, backMs = BACK_MS): Promise<Serving> {
    return new Serving(options, await Box.start(options), backMs)
  }

  get box(): Box {
    return this.#box
  }

  /** What waits is on flash; who is connected connects again. Where it cannot be, it serves as before and this rejects with the reason. */
  restart(config: Config): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isStopped) return
      await this.#box.stop()
      // A box that was asked to stop meanwhile has done so.
      if (this.#isStopped) return
      try {
        await this.#start(config)
      } catch (error) {
        await this.#startAgain()
        throw error
      }
    })
  }

  /** Starts with other data. Where it cannot, it serves as before and this rejects with the reason. */
  replace(config: Config, replacing: Replacing): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isStopped) throw new PlainError('The box is being stopped.')
      await this.#box.stop()
      try {
        await replacing.run()
      } catch (error) {
        await this.#startAgain()
        throw error
      }
      if (this.#isStopped) return
      try {
        await this.#start(config)
      } catch (error) {
        replacing.undo()
        await this.#startAgain()
        throw error
      }
    })
  }

  /** Within 5 s, also while it starts anew. */
  stop(): Promise<void> {
    this.#isStopped = true
    return this.#inTurn(() => this.#box.stop())
  }

  async #start(config: Config): Promise<void> {
    this.#box = await Box.start({ ...this.#options, config })
    this.#config = config
  }

  async #startAgain(): Promise<void> {
    for (let tries = 1; !this.#isStopped; tries++) {
      try {
        return await this.#start(this.#config)
      } catch (error) {
        if (tries === BACK_TRIES) return this.#giveUp(error)
        await after(this.#backMs)
      }
    }
  }

  /** Whoever asked for the restart hears of it first, and puts the file back. */
  #giveUp(error: unknown): void {
    const why = new PlainError(`The box cannot serve any more: ${messageOf(error)}`)
    setImmediate(() => this.#end(why))
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#work.then(run)
    this.#work = result.catch(() => {})
    return result
  }
}
