import { DEFAULT_LIMITS } from '../../sip-parser-lite/limits.ts'
import { type SipRequest, SipSyntaxError } from '../../sip-parser-lite/message.ts'
import { parseMessage } from '../../sip-parser-lite/parse.ts'

/** What is stored was within the limits when it came; custody has added a few headers since (Date, an asserted identity). */
const LIMITS = {
  ...DEFAULT_LIMITS,
  headersMax: DEFAULT_LIMITS.headersMax + 16,
  headerBytesMax: DEFAULT_LIMITS.headerBytesMax + 4096,
}

/** Undefined where nobody can read it any more: a newer version's doing, or a limit that was lowered since. */
export function readStored(bytes: Buffer): SipRequest | undefined {
  try {
    return parseMessage(bytes, LIMITS) as SipRequest
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined
    throw error
  }
}
