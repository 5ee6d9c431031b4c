import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { native } from '../native.ts'
import { memoryBytes, ownBytes, SMALL_BYTES } from './machine.ts'

/** The heap is searched when it has grown by so much, and not at several times its size: some tenths more processor time under full load. */
const HEAP_GROWING = '--heap-growing-percent=30'

/** A burst of registrations takes some ten MiB in a second. */
const LOOK_MS = 1000
/** What is not worth the milliseconds. */
const GROWN_BYTES = 4 * 1024 * 1024
/** From here on the program itself and the pages of the store, which are read from flash again and again, find too little room beside it. */
const PRESSED_SHARE = 0.5
/** From here on what takes many MiB at once might be what ends the process. */
const SCARCE_SHARE = 0.7

interface Machine {
  readonly memory: number
  readonly own: () => number
  /** Makes what follows take less. */
  readonly frugal: () => void
  /** Searches the whole heap: some tens of milliseconds. */
  readonly collect: () => void
  /** What is free goes back to the system: some milliseconds. */
  readonly trim: () => void
}

let room: () => void = () => {}

/** Before something that takes much at once. Some tens of milliseconds on a small machine that is nearly full; nothing elsewhere. */
export const makeRoom = (): void => room()

/**
 * On a small machine memory is given back soon: JavaScript's, and what the C library keeps of what Node, V8's compiler and LMDB freed,
 * which after a burst can be half of all. Elsewhere nothing is done, which is faster. Gives the end of it.
 */
export function saveMemory(machine: Machine = thisMachine()): () => void {
  if (machine.memory >= SMALL_BYTES) return () => {}
  machine.frugal()
  let kept = 0
  const timer = setInterval(() => {
    const own = machine.own()
    if (own - kept < GROWN_BYTES) return
    if (own > machine.memory * PRESSED_SHARE) machine.collect()
    machine.trim()
    kept = machine.own()
  }, LOOK_MS)
  timer.unref()
  room = () => {
    if (machine.own() <= machine.memory * SCARCE_SHARE) return
    machine.collect()
    machine.trim()
  }
  return () => {
    clearInterval(timer)
    room = () => {}
  }
}

function thisMachine(): Machine {
  const calls = native()
  const isThere = !('missing' in calls)
  let collect = (): void => {}
  return {
    memory: memoryBytes(),
    own: ownBytes,
    frugal: () => {
      setFlagsFromString(HEAP_GROWING)
      setFlagsFromString('--expose-gc')
      collect = runInNewContext('gc')
      setFlagsFromString('--no-expose-gc')
      if (isThere) calls.memoryFrugal()
    },
    collect: () => collect(),
    trim: () => void (isThere && calls.memoryTrim()),
  }
}
