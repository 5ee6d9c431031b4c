import type { CustodyLimits, NewUpload, RequestOf } from '../store/verbs.ts'
import { ALICE_AOR, BOB_AOR, newOf, STORED_AT, WIDE_LIMITS } from './store-fixtures.ts'

/** What is asked of a store about large messages to bob, as tests ask it. */

/** Large message `number` to bob begins, unlike every other number. */
export const begin = (
  number: number,
  message: Partial<NewUpload> = {},
  limits: Partial<CustodyLimits> = {},
  expectedBytes = 0,
): RequestOf<'upload.begin'> => ({
  verb: 'upload.begin',
  expectedBytes,
  message: {
    ...newOf(number),
    messageId: `message-${number}`,
    head: HEAD,
    ...message,
  },
  limits: { ...WIDE_LIMITS, ...limits },
})

export const HEAD = Buffer.from(`INVITE ${BOB_AOR} SIP/2.0\r\nFrom: <${ALICE_AOR}>;tag=tag1\r\n`)

export const append = (
  upload: number,
  offset: number,
  bytes: Buffer,
  limits: Partial<CustodyLimits> = {},
): RequestOf<'upload.append'> => ({
  verb: 'upload.append',
  upload,
  offset,
  bytes,
  limits: { ...WIDE_LIMITS, ...limits },
})

export const finish = (upload: number, size: number): RequestOf<'upload.finish'> => ({
  verb: 'upload.finish',
  upload,
  size,
  contentType: 'image/png',
  transactionId: 'dkei38sd',
  at: STORED_AT,
  limits: WIDE_LIMITS,
})

/** Large message `number` to bob at once, unlike every other number. */
export const whole = (
  number: number,
  content: Buffer,
  message: Partial<NewUpload> = {},
  limits: Partial<CustodyLimits> = {},
): RequestOf<'upload.whole'> => {
  const { message: whole, limits: all } = begin(number, message, limits)
  const what = { contentType: 'image/png', transactionId: 'dkei38sd', at: STORED_AT }
  return { verb: 'upload.whole', message: whole, content, ...what, limits: all }
}

export const piece = (seq: number, offset: number, length: number): RequestOf<'piece'> => ({
  verb: 'piece',
  aor: BOB_AOR,
  seq,
  offset,
  length,
})

/** Bytes of which no two stretches are alike. */
export function bytes(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(i, 2654435761) >>> 13) & 255
  return bytes
}
