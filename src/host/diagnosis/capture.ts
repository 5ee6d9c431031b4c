import { type Flow, hostPort } from '../../base/flow.ts'
import type { CapturedMessage, CaptureWish } from '../../services/diagnosis.ts'
import { CaptureFraming, type FramedMessage } from './capture-framing.ts'
import { printable, shownHead } from './shown-head.ts'

/** A technician, and another one. */
const LOOKERS_MAX = 2
/** Of each; a line of 9600 baud shows one or two a second. */
const WAITING_MAX = 200
const BODY_BYTES_MAX = 2048

/** Looks on at SIP as it passes the loop, while anybody wants to see it; one branch else. */
export class Capture {
  /** Whether anybody looks on. */
  isOn = false
  readonly #lookers = new Set<Looker>()
  readonly #wall: () => number
  #framing = new CaptureFraming()

  constructor(wall: () => number = Date.now) {
    this.#wall = wall
  }

  seen(direction: 'in' | 'out', flow: Flow, bytes: Buffer): void {
    if (flow.protocol !== 'sip') return
    for (const framed of this.#framing.messages(direction, flow, bytes)) this.#tell(direction, flow, framed)
  }

  /** Undefined: as many look on as may. From now on until the signal, or until nobody takes any more. */
  open(wish: CaptureWish, signal: AbortSignal): AsyncIterable<CapturedMessage> | undefined {
    if (this.#lookers.size >= LOOKERS_MAX) return undefined
    const looker = new Looker(wish)
    this.#lookers.add(looker)
    this.isOn = true
    const end = (): void => {
      signal.removeEventListener('abort', end)
      this.#lookers.delete(looker)
      looker.end()
      if (this.#lookers.size > 0) return
      this.isOn = false
      this.#framing = new CaptureFraming()
    }
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
    return looker.messages(end)
  }

  #tell(direction: 'in' | 'out', flow: Flow, { head, body, bodyBytes }: FramedMessage): void {
    const shown = shownHead(head)
    for (const looker of this.#lookers) {
      looker.take({
        at: this.#wall(),
        direction,
        transport: flow.transport,
        peer: hostPort(flow.remote),
        head: shown,
        bodyBytes,
        body: printable(body.toString('latin1', 0, BODY_BYTES_MAX)),
        dropped: 0,
      })
    }
  }
}

/** One who looks on: what waits for them, and who wakes them. */
class Looker {
  readonly #wish: CaptureWish
  readonly #waiting: CapturedMessage[] = []
  #dropped = 0
  #isOver = false
  #wake: () => void = () => {}

  constructor(wish: CaptureWish) {
    this.#wish = { ...wish, matching: wish.matching.toLowerCase() }
  }

  take({ body, ...message }: CapturedMessage): void {
    const { matching, withBodies } = this.#wish
    if (matching !== '' && !message.head.toLowerCase().includes(matching)) return
    if (this.#waiting.length >= WAITING_MAX) {
      this.#dropped++
      return
    }
    this.#waiting.push({ ...message, dropped: this.#dropped, ...(withBodies && body && { body }) })
    this.#dropped = 0
    this.#wake()
  }

  end(): void {
    this.#isOver = true
    this.#wake()
  }

  async *messages(end: () => void): AsyncGenerator<CapturedMessage> {
    try {
      for (;;) {
        const next = this.#waiting.shift()
        if (next) yield next
        else if (this.#isOver) return
        else
          await new Promise<void>(resolve => {
            this.#wake = resolve
          })
      }
    } finally {
      end()
    }
  }
}
