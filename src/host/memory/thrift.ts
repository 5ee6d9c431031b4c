import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { native } from '../native.ts'
import { leftBytes, memoryBytes, ownBytes, SMALL_BYTES } from './machine.ts'

/**
 * The heap is searched when it has grown by so much, and not at several times its size: some tenths more processor time under full load.
 * What is new stands in 1 MiB, and not in up to 4; pages with little left in them are brought together.
 */
const SMALL_HEAP = ['--heap-growing-percent=30', '--semi-space-growth-factor=1', '--optimize-for-size']

/** A burst of registrations takes some ten MiB in a second. */
const LOOK_MS = 1000
/** What is not worth the milliseconds. */
const GROWN_BYTES = 4 * 1024 * 1024
/** From here on the program itself and the pages of the store, which are read from flash again and again, find too little room beside it. */
const PRESSED_SHARE = 0.5
/** From here on what takes many MiB at once might be what ends the process. */
const SCARCE_SHARE = 0.7
/** Where it stays scarce: no more than some hundredths of the time. */
const COMPACT_EVERY_LOOKS = 30

interface Machine {
  readonly memory: number
  readonly own: () => number
  /** What it can still take. */
  readonly left: () => number
  /** Makes what follows take less. */
  readonly frugal: () => void
  /** Has it run as fast as it may, whatever the program began with. */
  readonly ample: () => void
  /** Searches the whole heap: some tens of milliseconds. */
  readonly collect: () => void
  /** The same until nothing more is found; what is left is brought together, so that its pages are free too: some tenths of a second. */
  readonly compact: () => void
  /** What is free goes back to the system: some milliseconds. */
  readonly trim: () => void
}

const nothing = (): void => {}
let room: (bytes: number) => void = nothing
let rest = nothing

/** Before something that takes so much at once. Some tenths of a second on a small machine that has not so much left; nothing elsewhere. */
export const makeRoom = (bytes: number): void => room(bytes)

/** After what leaves much behind outside of JavaScript's heap, which is not searched for the sake of that. Some tens of milliseconds, where `makeRoom` takes some tenths of a second. */
export const dropRest = (): void => rest()

/**
 * On a small machine memory is given back soon: JavaScript's, and what the C library keeps of what Node, V8's compiler and LMDB freed,
 * which after a burst can be half of all. Elsewhere nothing is, which is faster. Gives the end of it.
 */
export function saveMemory(machine: Machine = thisMachine()): () => void {
  if (machine.memory >= SMALL_BYTES) {
    machine.ample()
    return nothing
  }
  machine.frugal()
  const isScarce = (): boolean => machine.own() > machine.memory * SCARCE_SHARE
  let kept = 0
  let looks = COMPACT_EVERY_LOOKS
  const timer = setInterval(() => {
    looks++
    const own = machine.own()
    if (own - kept < GROWN_BYTES) return
    if (looks >= COMPACT_EVERY_LOOKS && isScarce()) {
      looks = 0
      machine.compact()
    } else if (own > machine.memory * PRESSED_SHARE) machine.collect()
    machine.trim()
    kept = machine.own()
  }, LOOK_MS)
  timer.unref()
  const then = (search: () => void): void => {
    search()
    machine.trim()
  }
  room = bytes => {
    if (machine.left() < bytes) then(machine.collect)
    if (machine.left() < bytes) then(machine.compact)
  }
  rest = () => {
    if (isScarce()) then(machine.collect)
  }
  return () => {
    clearInterval(timer)
    room = nothing
    rest = nothing
  }
}

function thisMachine(): Machine {
  const calls = native()
  const isThere = !('missing' in calls)
  let gc = (_options?: object): void => {}
  return {
    memory: memoryBytes(),
    own: ownBytes,
    left: leftBytes,
    frugal: () => {
      for (const flag of SMALL_HEAP) setFlagsFromString(flag)
      setFlagsFromString('--expose-gc')
      gc = runInNewContext('gc')
      setFlagsFromString('--no-expose-gc')
      if (isThere) calls.memoryFrugal()
    },
    ample: () => setFlagsFromString('--semi-space-growth-factor=2'),
    collect: () => gc(),
    compact: () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
    trim: () => void (isThere && calls.memoryTrim()),
  }
}
