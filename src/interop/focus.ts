import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'

/** `end`: everybody is hung up on. Each is answered by a report of what is known then. */
export type FocusCommand = 'report' | 'end'

interface ReportedMember {
  readonly uri: string
  /** Value of User-Agent of its INVITE. */
  readonly agent: string
  readonly isReady: boolean
  /** How it left. */
  readonly ended?: string
  /** Messages sent to it that were answered 200. */
  readonly answered: number
  /** SENDs as they were written to it, in order, base64. */
  readonly sends: readonly string[]
}

export interface FocusReport {
  readonly invites: number
  readonly isWatched: boolean
  /** Whoever was ever in the room, in order. */
  readonly members: readonly ReportedMember[]
}

const MAIN = join(import.meta.dirname, 'focus-child.ts')

/** A conference focus as a process of its own, on ports of 127.0.0.2 that the system chose. */
export class FocusProcess {
  readonly port: number
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, port: number) {
    this.#child = child
    this.#lines = lines
    this.port = port
  }

  static async start(): Promise<FocusProcess> {
    const child = spawn(process.execPath, [MAIN], { stdio: ['pipe', 'pipe', 'inherit'] })
    const orphan = (): void => void child.kill('SIGKILL')
    process.once('exit', orphan)
    child.once('exit', () => process.off('exit', orphan))
    const reader: Interface = createInterface({ input: child.stdout! })
    const lines = reader[Symbol.asyncIterator]()
    const { port } = await nextOf<{ port: number }>(lines)
    return new FocusProcess(child, lines, port)
  }

  /** Its factory. */
  get factory(): string {
    return `sip:factory@127.0.0.2:${this.port};transport=tcp`
  }

  async tell(command: FocusCommand): Promise<FocusReport> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`)
    return nextOf<FocusReport>(this.#lines)
  }

  async report(): Promise<FocusReport> {
    return this.tell('report')
  }

  /** For `t.teardown`: nothing is left running. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.stdin!.end()
    await once(this.#child, 'exit')
  }
}

async function nextOf<T>(lines: AsyncIterator<string>): Promise<T> {
  const { value, done } = await lines.next()
  if (done) throw new Error('the focus ended')
  return JSON.parse(value) as T
}
