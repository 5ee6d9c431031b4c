import { type BinaryLike, type ScryptOptions, scrypt } from 'node:crypto'
import { memoryBytes, SMALL_BYTES } from './machine.ts'
import { makeRoom } from './thrift.ts'

/** scrypt is made to take memory: ours 16 MiB a call. On a small machine one stands in line behind the other, and what is free is given back before it. */
export class KeyLine {
  readonly #isSmall: boolean
  readonly #makeRoom: () => void
  #last: Promise<unknown> = Promise.resolve()

  constructor(isSmall: boolean, room: () => void) {
    this.#isSmall = isSmall
    this.#makeRoom = room
  }

  /** RFC 7914. */
  derive(password: BinaryLike, salt: BinaryLike, bytes: number, options: ScryptOptions): Promise<Buffer> {
    if (!this.#isSmall) return derived(password, salt, bytes, options)
    const key = this.#last.then(() => {
      this.#makeRoom()
      return derived(password, salt, bytes, options)
    })
    this.#last = key.catch(() => {})
    return key
  }
}

const derived = (password: BinaryLike, salt: BinaryLike, bytes: number, options: ScryptOptions): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(password, salt, bytes, options, (error, key) => (error ? reject(error) : resolve(key))),
  )

let line: KeyLine | undefined

export function passwordKey(
  password: BinaryLike,
  salt: BinaryLike,
  bytes: number,
  options: ScryptOptions,
): Promise<Buffer> {
  line ??= new KeyLine(memoryBytes() < SMALL_BYTES, makeRoom)
  return line.derive(password, salt, bytes, options)
}
