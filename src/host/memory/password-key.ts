import { type BinaryLike, type ScryptOptions, scrypt } from 'node:crypto'
import { PlainError } from '../plain-error.ts'
import { leftBytes, memoryBytes, SMALL_BYTES } from './machine.ts'
import { makeRoom } from './thrift.ts'

/** What the kernel holds for the process, and the program's own pages, need beside it: with less the system ends the process. */
const BESIDE_BYTES = 12 * 1024 * 1024

interface Room {
  readonly make: (bytes: number) => void
  /** What can still be taken. */
  readonly left: () => number
}

/**
 * scrypt is made to take memory: ours 16 MiB a call. On a small machine one stands in line behind the other, what is free is given back before it,
 * and what would not go in all the same is refused in words.
 */
export class KeyLine {
  readonly #room: Room | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** `room`: of a small machine. */
  constructor(room?: Room) {
    this.#room = room
  }

  /** RFC 7914. */
  derive(password: BinaryLike, salt: BinaryLike, bytes: number, options: ScryptOptions): Promise<Buffer> {
    const room = this.#room
    if (!room) return derived(password, salt, bytes, options)
    const key = this.#last.then(() => {
      const needed = workBytes(options)
      room.make(needed + BESIDE_BYTES)
      checkRoom(needed, room.left())
      return derived(password, salt, bytes, options)
    })
    this.#last = key.catch(() => {})
    return key
  }
}

/** RFC 7914 2. */
const workBytes = ({ N = 16384, r = 8 }: ScryptOptions): number => 128 * N * r

function checkRoom(needed: number, left: number): void {
  if (left < needed + BESIDE_BYTES)
    throw new PlainError(
      `To try a password takes ${needed >> 20} MiB of memory, and ${left >> 20} MiB are free. Try again in a minute, or when fewer users are connected.`,
    )
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
  line ??= new KeyLine(memoryBytes() < SMALL_BYTES ? { make: makeRoom, left: leftBytes } : undefined)
  return line.derive(password, salt, bytes, options)
}
