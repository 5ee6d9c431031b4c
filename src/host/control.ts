import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { VERSION } from '../base/product.ts'
import type { StoreRequest } from '../store/verbs.ts'
import { ControlBackup, type MakeBackup } from './control-backup.ts'
import { CONTROL_VERBS, type ControlReply, controlPath, decodeLine, encodeReply, Lines } from './control-wire.ts'
import type { Store } from './watched-store.ts'

/** Commands run by hand or by a script, one after the other. */
const CONNECTIONS_MAX = 16

/** Longer than any command needs between two questions. */
const IDLE_MS = 30_000

/** Answers the command line of a running box. The folder's lock is held: a socket file that is there already is left over. */
export class ControlServer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #store: Pick<Store, 'submit'>
  readonly #makeBackup: MakeBackup | undefined

  private constructor(store: Pick<Store, 'submit'>, makeBackup: MakeBackup | undefined) {
    this.#store = store
    this.#makeBackup = makeBackup
    this.#server = createServer(socket => this.#serve(socket))
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  static async open(dataDir: string, store: Pick<Store, 'submit'>, makeBackup?: MakeBackup): Promise<ControlServer> {
    const control = new ControlServer(store, makeBackup)
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
    socket.on('data', bytes => {
      const whole = lines.push(bytes)
      if (!whole) socket.destroy()
      for (const line of whole ?? []) this.#answer(line, work, reply => socket.write(encodeReply(reply)))
    })
  }

  #answer(line: string, work: Work, reply: (value: ControlReply) => void): void {
    const asked = parsed(line)
    const verb = CONTROL_VERBS.find(known => known === asked?.verb)
    if (asked?.verb === 'hello') reply({ hello: { pid: process.pid, version: VERSION } })
    else if (asked?.verb === 'backup') void this.#backup(asked.request, work).then(reply)
    else if (!asked || !verb) reply({ refused: 'not something that this box answers here' })
    else this.#store.submit({ ...asked.request, verb } as StoreRequest, reply)
  }

  async #backup({ passphrase }: { passphrase?: unknown }, work: Work): Promise<ControlReply> {
    if (typeof passphrase === 'string' && this.#makeBackup) {
      work.backup?.stop()
      work.backup = new ControlBackup(this.#makeBackup, passphrase)
    }
    return work.backup ? work.backup.next() : { refused: 'there is nothing to back up here' }
  }
}

/** What one connection has under way. */
interface Work {
  backup?: ControlBackup
}

function parsed(line: string): { verb: unknown; request: object } | undefined {
  try {
    const value = decodeLine(line) as { verb?: unknown; request?: unknown } | null
    return { verb: value?.verb, request: Object(value?.request ?? {}) }
  } catch {
    return undefined
  }
}
