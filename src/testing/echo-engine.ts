import type { Flow } from '../base/flow.ts'
import type { Instant, Now } from '../base/time.ts'
import type { Output } from '../engine-io.ts'
import type { DrivenEngine } from '../host/loop.ts'

/** The least engine there is: answers bytes with themselves, once the store has said how it is. */
export class EchoEngine implements DrivenEngine {
  readonly #waiting = new Map<number, Output>()
  #outputs: Output[] = []
  #ids = 0
  stoppedAt: Instant | undefined
  readonly isBusy = false

  start(): void {}
  flowOpened(): void {}
  flowClosed(): void {}
  flowFull(): void {}
  storeChanged(): void {}
  deliver(): void {}
  resolved(): void {}
  timeout(): void {}

  received(_now: Now, flow: Flow, bytes: Buffer): void {
    const id = this.#ids++
    this.#waiting.set(id, { kind: 'transmit', flow, bytes })
    this.#outputs.push({ kind: 'store', id, request: { verb: 'status' } })
  }

  stored(_now: Now, id: number): void {
    this.#outputs.push(this.#waiting.get(id)!)
    this.#waiting.delete(id)
  }

  stop(now: Now): void {
    this.stoppedAt = now.at
  }

  nextTimeout(): Instant | undefined {
    return undefined
  }

  drain(): Output[] {
    return this.#outputs.splice(0)
  }

  describe(): object {
    return { echo: { waiting: this.#waiting.size } }
  }
}
