import { type MsrpMedia, obstacleInPath } from './msrp-media.ts'
import type { Sdp } from './sdp.ts'
import { type StreamAnswer, streamAnswer } from './stream-answer.ts'

export interface ReceiveAnswer extends StreamAnswer {
  /** Octets of a whole message that we take at most. */
  readonly maxSize: number
}

/** Why nobody can send us messages on this stream, in plain words; undefined when somebody can. */
export function obstacleToReceiving(media: MsrpMedia): string | undefined {
  const obstacle = obstacleInPath(media)
  if (obstacle !== undefined) return obstacle
  if (media.direction === 'recvonly' || media.direction === 'inactive') return `the offer is ${media.direction}`
  return media.setup === 'holdconn' ? 'the offer is a=setup:holdconn' : undefined
}

/** RFC 3264 6: the answer that takes messages on `media`, one of the streams of `offer`, and refuses the others. */
export const receiveAnswer = (offer: Sdp, media: MsrpMedia, answer: ReceiveAnswer): Buffer =>
  streamAnswer(offer, media, answer, [
    { name: 'recvonly' },
    { name: 'accept-types', value: '*' },
    { name: 'max-size', value: String(answer.maxSize) },
  ])
