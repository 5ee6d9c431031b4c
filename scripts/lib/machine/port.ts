import { connect, type Socket } from 'node:net'
import { until } from '../../../src/interop/until.ts'

const OPEN_MS = 10_000
const EXPECT_MS = 30_000

interface Found {
  /** What stood before it, and itself. */
  readonly text: string
  readonly match: RegExpExecArray
}

/** The near end of a line of a virtual machine, which is a socket of qemu: what comes is kept, and waited for. */
export class Port {
  readonly #socket: Socket
  #shown = ''
  #from = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', bytes => (this.#shown += bytes.toString('latin1')))
    // The machine may have been switched off.
    socket.on('error', () => {})
  }

  static async open(path: string): Promise<Port> {
    const socket = await until(`a line at ${path}`, OPEN_MS, () => opened(path))
    return new Port(socket)
  }

  /** All since the last `expect`. */
  get rest(): string {
    return this.#shown.slice(this.#from)
  }

  type(text: string | Buffer): void {
    this.#socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  }

  /** A line and Enter. */
  enter(text: string): void {
    this.type(`${text}\r`)
  }

  /** Of what came since the last one; rejects with what there was instead. */
  async expect(pattern: RegExp, ms = EXPECT_MS): Promise<Found> {
    let match: RegExpExecArray | null = null
    await until(`${pattern} on the line`, ms, () => (match = pattern.exec(this.rest)) !== null).catch(error => {
      throw new Error(`${error.message}; there was: ${JSON.stringify(this.rest.slice(-600))}`)
    })
    const found: RegExpExecArray = match!
    const end = this.#from + found.index + found[0].length
    const text = this.#shown.slice(this.#from, end)
    this.#from = end
    return { text, match: found }
  }

  /** What has come until now is not waited for any more. */
  forget(): void {
    this.#from = this.#shown.length
  }

  close(): void {
    this.#socket.destroy()
  }
}

function opened(path: string): Promise<Socket | undefined> {
  const socket = connect(path)
  return new Promise(resolve => {
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}
