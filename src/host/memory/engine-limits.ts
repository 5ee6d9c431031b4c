import type { EngineLimits } from '../../engine-io.ts'
import { memoryBytes, withinMemory } from './machine.ts'

/** Of one that hands over messages of usual sizes: what it has read ahead, and what is under way. */
const PUSH_BYTES = 128 * 1024
const PUSHES = 256
const ANSWER_BYTES = 8 * 1024 * 1024

/** All that register at once after a power cut are served all the same, fewer of them at a time. */
export const engineLimits = (all: number = memoryBytes()): EngineLimits => ({
  pushes: Math.max(1, Math.floor(withinMemory(PUSHES * PUSH_BYTES, 1 / 8, all) / PUSH_BYTES)),
  answerBytes: withinMemory(ANSWER_BYTES, 1 / 32, all),
})
