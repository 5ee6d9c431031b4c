/** The tour cannot go on: what went wrong, and what the reader can do about it. */
export class StoryError extends Error {
  readonly advice: string

  constructor(what: string, advice: string) {
    super(what)
    this.advice = advice
  }
}

const POLL_MS = 20

/** Waits for what has to come; a tour in which it does not ends with this message. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  withinMs: number,
  what: string,
  advice: string,
): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new StoryError(`${what}: not within ${withinMs / 1000} s.`, advice)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}
