import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { until } from './until.ts'

export const PYTHON = 'python3'

/** Binds a datagram socket and prints each datagram with the process that the kernel says it is from; Node has no such sockets. */
const EAR = `
import json, os, socket, struct, sys
name = sys.argv[1]
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
ear.bind('\\0' + name[1:] if name.startswith('@') else name)
print('bound', flush=True)
while True:
    data, ancillary, _, _ = ear.recvmsg(65536, 256)
    pid = struct.unpack('3i', ancillary[0][2])[0]
    print(json.dumps({'text': data.decode(), 'pid': pid}), flush=True)
`

interface Heard {
  readonly text: string
  readonly pid: number
}

/** What a service manager hears on its socket. */
export class NotifyEar {
  readonly socket: string
  readonly heard: Heard[] = []
  readonly #child: ChildProcess

  private constructor(socket: string, child: ChildProcess) {
    this.socket = socket
    this.#child = child
  }

  /** A path, or `@name`. */
  static async open(socket: string): Promise<NotifyEar> {
    const child = spawn(PYTHON, ['-c', EAR, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ear = new NotifyEar(socket, child)
    const lines = createInterface({ input: child.stdout })
    const [first] = await Promise.race([once(lines, 'line'), once(child, 'close')])
    if (first !== 'bound') throw new Error(`no socket ${socket}`)
    lines.on('line', line => ear.heard.push(JSON.parse(line)))
    return ear
  }

  get texts(): string[] {
    return this.heard.map(({ text }) => text)
  }

  /** Resolves when it has heard so many. */
  async count(count: number): Promise<void> {
    await until(`${count} datagrams`, 10_000, () => this.heard.length >= count)
  }

  async has(text: string): Promise<void> {
    await until(text, 20_000, () => this.texts.includes(text))
  }

  /** Datagrams are left in its queue, as by a manager that hangs. */
  async hang(): Promise<void> {
    this.#child.kill('SIGSTOP')
    await until('it stands', 10_000, () => / T /.test(readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1')))
  }

  goOn(): void {
    this.#child.kill('SIGCONT')
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'close')
  }
}
