import type { Flow } from '../base/flow.ts'
import { hostPort } from '../base/flow.ts'

/** Tells the story: numbered steps, and under --verbose what goes over the wire. */
export class Narrator {
  readonly #write: (text: string) => void
  readonly #isVerbose: boolean
  #steps = 0

  constructor(write: (text: string) => void, isVerbose: boolean) {
    this.#write = write
    this.#isVerbose = isVerbose
  }

  step(text: string): void {
    this.#write(`\n${++this.#steps}. ${text}\n`)
  }

  say(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#write(`   ${line}\n`)
  }

  wire(who: string): (direction: 'out' | 'in', flow: Flow, bytes: Buffer) => void {
    return (direction, flow, bytes) => {
      if (!this.#isVerbose) return
      const arrow = direction === 'out' ? `${who} --> box` : `${who} <-- box`
      this.#write(
        `\n     ${arrow}  ${flow.protocol.toUpperCase()} over ${flow.transport.toUpperCase()} ${hostPort(flow.remote)}\n`,
      )
      for (const line of printable(bytes).trimEnd().split('\n')) this.#write(`     | ${line}\n`)
    }
  }
}

/** The terminal shall show the bytes, not obey them. */
const printable = (bytes: Buffer): string =>
  bytes
    .toString('utf8')
    .replaceAll('\r\n', '\n')
    .replace(/[\0-\x09\x0b-\x1f\x7f-\x9f]/g, '.')
