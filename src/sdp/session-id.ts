import { type Entropy, randomBelow } from '../base/entropy.ts'

/** RFC 4566 5.2: the sess-id of our o= line; ten digits. */
export const freshSessionId = (entropy: Entropy): string => String(1_000_000_000 + randomBelow(entropy, 4_000_000_000))
