import { canPush } from './accept.ts'
import { usableFingerprints } from './fingerprint.ts'
import { type MsrpMedia, obstacleInPath, takesMessages } from './msrp-media.ts'
import { SENDER_TYPES } from './push-offer.ts'
import type { Sdp } from './sdp.ts'
import { type StreamAnswer, streamAnswer } from './stream-answer.ts'

/** Why we cannot send messages of a mailbox on this stream, in plain words; undefined when we can. */
export const obstacleToSending = (media: MsrpMedia): string | undefined =>
  obstacleInStream(media) ?? (canPush(media) ? undefined : 'the offer takes neither multipart/mixed nor message/cpim')

/** Why nothing at all can be sent on it. */
export function obstacleInStream(media: MsrpMedia): string | undefined {
  const obstacle = obstacleInPath(media)
  if (obstacle !== undefined) return obstacle
  if (!takesMessages(media)) return `the offer is ${media.direction}`
  if (media.setup === 'holdconn') return 'the offer is a=setup:holdconn'
  if (media.isSecure && !usableFingerprints(media.fingerprints)) return 'the offer of TLS has no usable a=fingerprint'
  return media.acceptTypes.length > 0 ? undefined : 'the offer has no a=accept-types'
}

/** RFC 3264 6: the answer that sends on `media`, one of the streams of `offer`, and refuses the others. */
export const sendAnswer = (offer: Sdp, media: MsrpMedia, answer: StreamAnswer): Buffer =>
  streamAnswer(offer, media, answer, [{ name: 'sendonly' }, ...SENDER_TYPES])
