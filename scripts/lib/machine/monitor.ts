import { until } from '../../../src/interop/until.ts'
import { Port } from './port.ts'

const ANSWER_MS = 20_000

/** The monitor of a virtual machine (QMP, qemu-qmp-ref(7)): what is done to it from outside. */
export class Monitor {
  readonly #port: Port
  #events: string[] = []
  #answers: { return?: unknown; error?: { desc: string } }[] = []
  #read = ''

  private constructor(port: Port) {
    this.#port = port
  }

  static async open(path: string): Promise<Monitor> {
    const monitor = new Monitor(await Port.open(path))
    await monitor.does('qmp_capabilities')
    return monitor
  }

  async does(execute: string, args: object = {}): Promise<unknown> {
    this.#take()
    this.#answers = []
    this.#port.type(`${JSON.stringify({ execute, arguments: args })}\n`)
    const answer = await until(`an answer to ${execute}`, ANSWER_MS, () => {
      this.#take()
      return this.#answers.shift()
    })
    if (answer.error) throw new Error(`${execute}: ${answer.error.desc}`)
    return answer.return
  }

  /** Since it was asked last, e.g. `RESET`, `WATCHDOG`. */
  events(): readonly string[] {
    this.#take()
    const events = this.#events
    this.#events = []
    return events
  }

  close(): void {
    this.#port.close()
  }

  #take(): void {
    this.#read += this.#port.rest
    this.#port.forget()
    const lines = this.#read.split('\n')
    this.#read = lines.pop() ?? ''
    for (const line of lines) {
      if (line.trim() === '') continue
      const said = JSON.parse(line)
      if (said.event) this.#events.push(said.event)
      else if ('return' in said || said.error) this.#answers.push(said)
    }
  }
}
