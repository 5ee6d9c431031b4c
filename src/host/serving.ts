import type { Config } from '../base/config.ts'
import { Box, type ServeOptions } from './serve.ts'

/** A box that can be had anew with another configuration, in the same process. */
export class Serving {
  readonly #options: ServeOptions
  #box: Box
  #config: Config
  /** Starts and stops one after the other. */
  #work: Promise<unknown> = Promise.resolve()
  #isStopped = false

  private constructor(options: ServeOptions, box: Box) {
    this.#options = options
    this.#box = box
    this.#config = options.config
  }

  static async start(options: ServeOptions): Promise<Serving> {
    return new Serving(options, await Box.start(options))
  }

  get box(): Box {
    return this.#box
  }

  /** What waits is on flash; who is connected connects again. Where it cannot be, it serves as before and this rejects with the reason. */
  restart(config: Config): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isStopped) return
      await this.#box.stop()
      try {
        this.#box = await Box.start({ ...this.#options, config })
        this.#config = config
      } catch (error) {
        this.#box = await Box.start({ ...this.#options, config: this.#config })
        throw error
      }
    })
  }

  stop(): Promise<void> {
    this.#isStopped = true
    return this.#inTurn(() => this.#box.stop())
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#work.then(run)
    this.#work = result.catch(() => {})
    return result
  }
}
