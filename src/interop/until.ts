const POLL_MS = 10

/** Resolves with the first value of `look` that is neither undefined nor false; rejects after `ms` with what was waited for. */
export async function until<T>(what: string, ms: number, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = performance.now() + ms
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found as NonNullable<T>
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}
