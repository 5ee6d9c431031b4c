/** What was told so far, to be taken one by one. */
export class Told<E extends { readonly kind: string }> {
  /** Not taken yet, oldest first. */
  readonly events: E[] = []
  readonly #waiting: (() => void)[] = []

  add(event: E): void {
    this.events.push(event)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Takes the oldest of this kind, as soon as there is one. */
  readonly next = async (kind: E['kind']): Promise<E> => {
    for (;;) {
      const found = this.events.findIndex(event => event.kind === kind)
      if (found >= 0) return this.events.splice(found, 1)[0]!
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }
}
