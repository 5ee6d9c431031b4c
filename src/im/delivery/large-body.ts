import type { Entropy } from '../../base/entropy.ts'
import type { Now } from '../../base/time.ts'
import { largeAround } from '../../content/large-part.ts'
import { canPushLarge } from '../../sdp/accept.ts'
import type { MsrpMedia } from '../../sdp/msrp-media.ts'
import type { LargeBody, StoredMessage } from '../../store/verbs.ts'
import { mediaTypeOf } from '../content-kind.ts'
import { asStoredMessage } from './large-as-message.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { cpimEnvelope, innerTypeOf } from './push-body.ts'
import { StoredBody } from './stored-body.ts'
import { readStored } from './stored-request.ts'

/** A large message as one MSRP message, or why it cannot go to this client. */
type LargePush =
  | { readonly contentType: string; readonly body: StoredBody; readonly wraps: string }
  | { readonly why: string; readonly isUnfit: boolean }

/** Where the type of what a CPIM envelope holds is looked for. */
const ENVELOPE_BYTES = 8192

const UNREADABLE: LargePush = { why: 'the stored message cannot be read', isUnfit: false }

/** In the form that the client's answer allows (DM-PSH-06, docs/protocol.md). */
export function largePush(
  now: Now,
  message: StoredMessage & { readonly large: LargeBody },
  media: MsrpMedia,
  parts: { readonly reader: MailboxReader; readonly entropy: Entropy },
  done: (now: Now, push: LargePush) => void,
): void {
  const { seq, bytes: head, large } = message
  const content = { seq, size: large.size }
  const form = canPushLarge(media)
  if (!form) return done(now, { why: 'the client takes no large messages', isUnfit: true })
  if (form === 'message/msrpfrag') {
    const { contentType, before, after } = largeAround({ head, ...large }, parts.entropy)
    return done(now, { contentType, body: new StoredBody(parts.reader, content, before, after), wraps: form })
  }
  const type = mediaTypeOf(large.contentType)
  if (type !== 'message/cpim') return done(now, inEnvelope(message, parts.reader, type))
  // A message that was CPIM already goes as it is: its envelope is the sender's.
  parts.reader.piece({ seq, offset: 0, length: ENVELOPE_BYTES }, (then, start) => {
    if (!start) return done(then, UNREADABLE)
    const body = new StoredBody(parts.reader, content)
    done(then, { contentType: large.contentType, body, wraps: innerTypeOf(start) })
  })
}

function inEnvelope(
  message: StoredMessage & { readonly large: LargeBody },
  reader: MailboxReader,
  wraps: string,
): LargePush {
  const { seq, large, receivedAt } = message
  const request = readStored(asStoredMessage(message, large.contentType, Buffer.alloc(0)))
  if (!request) return UNREADABLE
  const before = Buffer.concat(cpimEnvelope(request, receivedAt))
  return { contentType: 'message/cpim', body: new StoredBody(reader, { seq, size: large.size }, before), wraps }
}
