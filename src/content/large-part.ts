import type { Entropy } from '../base/entropy.ts'
import { freshBoundary, layOut, type Part } from './multipart.ts'

/** A stored large message but for its content. Text is latin1. */
interface LargeParts {
  /** Start line and headers of the INVITE, each with its line end. */
  readonly head: Buffer
  readonly messageId: string
  readonly contentType: string
  /** Its end-line does not occur in the content. */
  readonly transactionId: string
}

/** What stands around content that is not here. */
export interface Around {
  readonly contentType: string
  readonly before: Buffer
  readonly after: Buffer
}

/**
 * DM-PSH-06: the INVITE as `message/sipfrag` and its assembled message as `message/msrpfrag` (DM-STO-06). The boundary is chosen after the
 * content has come, so nobody could write it there.
 */
export function largeAround(parts: LargeParts, entropy: Entropy): Around {
  const fragments = fragmentsOf(parts)
  return around(fragments, freshBoundary(fragments, entropy))
}

/** The layout with a boundary already chosen. */
export function around(fragments: readonly Part[], boundary: string): Around {
  const { contentType, body } = layOut(fragments, boundary)
  const at = body.indexOf(CONTENT)
  return { contentType, before: Buffer.concat(body.slice(0, at)), after: Buffer.concat(body.slice(at + 1)) }
}

/** Stands where the content goes. */
const CONTENT = Buffer.alloc(0)

export function fragmentsOf({ head, messageId, contentType, transactionId }: LargeParts): readonly Part[] {
  const start = `MSRP ${transactionId} SEND\r\nMessage-ID: ${messageId}\r\nContent-Type: ${contentType}\r\n\r\n`
  const endLine = `\r\n-------${transactionId}$\r\n`
  return [
    { contentType: 'message/sipfrag', body: [head] },
    {
      contentType: 'message/msrpfrag',
      body: [Buffer.from(start, 'latin1'), CONTENT, Buffer.from(endLine, 'latin1')],
    },
  ]
}
