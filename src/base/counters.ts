/**
 * Counts what happened, by name and at most one label value, for /metrics and the console.
 * Names are snake_case without prefix or `_total`; label values come from our own code, never from the wire, so the table is bounded.
 */
export class Counters {
  readonly #counts = new Map<string, Map<string, number>>()

  count(name: string, label = '', by = 1): void {
    let labels = this.#counts.get(name)
    if (!labels) this.#counts.set(name, (labels = new Map()))
    labels.set(label, (labels.get(label) ?? 0) + by)
  }

  get(name: string, label = ''): number {
    return this.#counts.get(name)?.get(label) ?? 0
  }

  /** `{ name: { label: count } }`; the label of an unlabelled counter is the empty string. */
  describe(): Record<string, Record<string, number>> {
    const all: Record<string, Record<string, number>> = {}
    for (const [name, labels] of this.#counts) all[name] = Object.fromEntries(labels)
    return all
  }
}
