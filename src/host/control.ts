import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { VERSION } from '../base/product.ts'
import type { StoreRequest } from '../store/verbs.ts'
import type { Consoles } from './console/consoles.ts'
import { ControlBackup, type MakeBackup } from './control-backup.ts'
import {
  CONTROL_VERBS,
  type ControlReply,
  controlPath,
  decodeLine,
  encodeReply,
  LINE_BYTES_MAX,
  Lines,
} from './control-wire.ts'
import type { Store } from './watched-store.ts'

/** Commands run by hand or by a script, one after the other. */
const CONNECTIONS_MAX = 16

/** Longer than any command needs between two questions. */
const IDLE_MS = 30_000

/** What is had here beside the store. */
interface ControlUses {
  readonly makeBackup?: MakeBackup | undefined
  readonly consoles?: Pick<Consoles, 'stream'> | undefined
}

/** Answers the command line of a running box. The folder's lock is held: a socket file that is there already is left over. */
export class ControlServer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #store: Pick<Store, 'submit'>
  readonly #uses: ControlUses

  private constructor(store: Pick<Store, 'submit'>, uses: ControlUses) {
    this.#store = store
    this.#uses = uses
    this.#server = createServer(socket => this.#serve(socket))
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  static async open(dataDir: string, store: Pick<Store, 'submit'>, uses: ControlUses = {}): Promise<ControlServer> {
    const control = new ControlServer(store, uses)
    const { path, release } = controlPath(dataDir)
    rmSync(path, { force: true })
    const mask = process.umask(0o177)
    try {
      await new Promise<void>((resolve, reject) => {
        control.#server.once('error', reject)
        control.#server.listen({ path }, resolve)
        process.umask(mask)
      })
      chmodSync(path, 0o600)
    } finally {
      process.umask(mask)
      release()
    }
    return control
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #serve(socket: Socket): void {
    const lines = new Lines()
    const work: Work = {}
    this.#sockets.add(socket)
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#sockets.delete(socket)
      work.backup?.stop()
    })
    const received = (bytes: Buffer): void => {
      const whole = lines.push(bytes)
      if (!whole) socket.destroy()
      for (const line of whole ?? []) {
        const asked = parsed(line)
        // It waits for the answer before it says more.
        if (asked?.verb === 'console' && this.#uses.consoles) return this.#handOver(socket, received, asked.request)
        this.#answer(asked, work, reply => {
          // Questions come one by one; whoever asks on without reading has had enough.
          if (socket.writableLength > LINE_BYTES_MAX) socket.destroy()
          else socket.write(encodeReply(reply))
        })
      }
    }
    socket.on('data', received)
  }

  /** A console stays while a box starts anew with another configuration, and as long as somebody types. */
  #handOver(socket: Socket, received: (bytes: Buffer) => void, asked: object): void {
    this.#sockets.delete(socket)
    socket.off('data', received)
    socket.setTimeout(0)
    this.#uses.consoles?.stream(socket, asked)
  }

  #answer(asked: Asked | undefined, work: Work, reply: (value: ControlReply) => void): void {
    const verb = CONTROL_VERBS.find(known => known === asked?.verb)
    if (asked?.verb === 'hello') reply({ hello: { pid: process.pid, version: VERSION } })
    else if (asked?.verb === 'backup') void this.#backup(asked.request, work).then(reply)
    else if (!asked || !verb) reply({ refused: 'not something that this box answers here' })
    else this.#store.submit({ ...asked.request, verb } as StoreRequest, reply)
  }

  async #backup({ passphrase }: { passphrase?: unknown }, work: Work): Promise<ControlReply> {
    if (typeof passphrase === 'string' && this.#uses.makeBackup) {
      work.backup?.stop()
      work.backup = new ControlBackup(this.#uses.makeBackup, passphrase)
    }
    return work.backup ? work.backup.next() : { refused: 'there is nothing to back up here' }
  }
}

/** What one connection has under way. */
interface Work {
  backup?: ControlBackup
}

interface Asked {
  readonly verb: unknown
  readonly request: object
}

function parsed(line: string): Asked | undefined {
  try {
    const value = decodeLine(line) as { verb?: unknown; request?: unknown } | null
    return { verb: value?.verb, request: Object(value?.request ?? {}) }
  } catch {
    return undefined
  }
}
