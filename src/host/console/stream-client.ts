import { createConnection, type Socket } from 'node:net'
import type { ConsoleEnd } from '../../console/options.ts'
import { controlPath, Lines } from '../control-wire.ts'
import { codeOf } from '../plain-error.ts'
import { decoded, encoded, type FromBox, type StreamAsk } from './stream-wire.ts'

/** A box that serves answers in milliseconds; one that does not within this is not there for a person. */
const OPEN_MS = 2000
/** How often it is asked whether it is still there, and after how long without a word it is not. */
const ASK_MS = 1000
const SILENCE_MS = 4000
/** Of keys: one piece of a pipe. */
const WAITING_BYTES_MAX = 65_536
/** ^C */
const INTERRUPT = 3

interface StreamUser {
  readonly text: (text: string) => void
  /** After `keys` was answered with false. */
  readonly room: () => void
  /** The last thing. `gone`: the connection broke; `silent`: it stands, and the box does not answer. */
  readonly ended: (why: ConsoleEnd | 'gone' | 'silent') => void
}

/** Why there is no console in a box that runs, in words. */
export interface NoStream {
  readonly why: string
}

/** A console in the running box, from the outside. */
export class StreamClient {
  readonly #socket: Socket
  readonly #lines = new Lines()
  #user: StreamUser | undefined
  #opened: ((message: FromBox | 'gone') => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #heardAt = 0
  /** What came before anybody uses it. */
  readonly #early: FromBox[] = []
  #isEnded = false
  /** Octets of keys that may be sent now, and those that wait for that. */
  #window = Number.POSITIVE_INFINITY
  #waiting: Buffer = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => this.#end('gone'))
    socket.on('data', bytes => this.#received(bytes))
  }

  static async open(dataDir: string, asked: StreamAsk): Promise<StreamClient | NoStream> {
    let connected: Socket | NoStream
    try {
      connected = await connect(dataDir)
    } catch (error) {
      const isOthers = ['EACCES', 'EPERM'].includes(codeOf(error))
      return { why: isOthers ? 'the service runs as another user' : 'the service is not running' }
    }
    if ('why' in connected) return connected
    const client = new StreamClient(connected)
    const why = await client.#open(asked)
    if (why === undefined) return client
    connected.destroy()
    return { why }
  }

  use(user: StreamUser): void {
    this.#user = user
    this.#heardAt = performance.now()
    this.#timer = setInterval(() => this.#ask(), ASK_MS)
    this.#socket.resume()
    for (const message of this.#early.splice(0)) this.#tell(message)
  }

  /** False: the box does not take as much at once; no more until `room`. */
  keys(bytes: Buffer): boolean {
    if (this.#isEnded) return true
    const interrupt = this.#waiting.length > 0 ? bytes.lastIndexOf(INTERRUPT) : -1
    if (interrupt >= 0) {
      // Whoever ends it does not want what was to come before, and does not wait.
      this.#waiting = Buffer.alloc(0)
      this.#send(bytes.subarray(interrupt, interrupt + 1))
    }
    this.#waiting = Buffer.concat([this.#waiting, bytes.subarray(interrupt + 1)])
    this.#sendWaiting()
    return this.#waiting.length === 0
  }

  #sendWaiting(): void {
    // A line that waits for nobody: the box knows best what is lost of it, and says so.
    const isTooMuch = this.#waiting.length > WAITING_BYTES_MAX
    const now = isTooMuch ? this.#waiting : this.#waiting.subarray(0, Math.max(0, this.#window))
    this.#waiting = this.#waiting.subarray(now.length)
    if (now.length > 0) this.#send(now)
  }

  #send(bytes: Buffer): void {
    this.#window -= bytes.length
    this.#socket.write(encoded({ keys: bytes.toString('base64') }))
  }

  #took(octets: number): void {
    const wasWaiting = this.#waiting.length > 0
    this.#window += octets
    this.#sendWaiting()
    if (wasWaiting && this.#waiting.length === 0) this.#user?.room()
  }

  /** Whoever is shown the text is behind. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#heardAt = performance.now()
    this.#socket.resume()
  }

  close(): void {
    this.#isEnded = true
    clearInterval(this.#timer)
    this.#socket.destroy()
  }

  async #open(asked: StreamAsk): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<FromBox | 'late' | 'gone'>()
    this.#opened = resolve
    const late = setTimeout(() => resolve('late'), OPEN_MS)
    this.#socket.write(`${JSON.stringify({ verb: 'console', request: asked })}\n`)
    const message = await promise
    clearTimeout(late)
    this.#opened = undefined
    if (message === 'late') return 'the service does not answer'
    if (message === 'gone') return 'the service is not running'
    return 'refused' in message ? message.refused : undefined
  }

  #received(bytes: Buffer): void {
    const lines = this.#lines.push(bytes)
    if (!lines) this.#socket.destroy()
    for (const line of lines ?? []) this.#said(decoded<FromBox>(line))
  }

  #said(message: FromBox | undefined): void {
    this.#heardAt = performance.now()
    if (!message) return
    if ('console' in message || 'refused' in message) {
      this.#socket.pause()
      if ('console' in message) this.#window = message.window
      this.#opened?.(message)
    } else if (this.#user) this.#tell(message)
    else this.#early.push(message)
  }

  #tell(message: FromBox): void {
    if ('text' in message) this.#user?.text(message.text)
    else if ('took' in message) this.#took(message.took)
    else if ('end' in message) this.#end(message.end)
  }

  #ask(): void {
    if (this.#socket.isPaused()) return
    const silentMs = performance.now() - this.#heardAt
    if (silentMs > SILENCE_MS) return this.#end('silent')
    if (silentMs >= ASK_MS) this.#socket.write(encoded({ ask: 1 }))
  }

  #end(why: ConsoleEnd | 'gone' | 'silent'): void {
    this.#opened?.('gone')
    if (this.#isEnded) return
    this.close()
    this.#user?.ended(why)
  }
}

async function connect(dataDir: string): Promise<Socket | NoStream> {
  const { path, release } = controlPath(dataDir)
  const socket = createConnection({ path })
  const { promise, resolve, reject } = Promise.withResolvers<Socket | NoStream>()
  // Where its queue of connections is full, it waits.
  const late = setTimeout(() => resolve({ why: 'the service does not answer' }), OPEN_MS)
  socket.once('connect', () => resolve(socket))
  socket.once('error', reject)
  try {
    const connected = await promise
    if (connected !== socket) socket.destroy()
    return connected
  } finally {
    clearTimeout(late)
    socket.removeAllListeners('error')
    socket.on('error', () => {})
    release()
  }
}
