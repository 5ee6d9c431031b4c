import type { WallTime } from '../base/time.ts'
import type { Account, CustodyLimits, NewMessage, NewUpload, RequestOf } from '../store/verbs.ts'

/** Requests that tests of stores begin with. */

export const ALICE_AOR = 'sip:alice@example.org'
export const BOB_AOR = 'sip:bob@example.org'
export const STORED_AT = 1_900_000_000_000 as WallTime
export const WIDE_LIMITS: CustodyLimits = { quotaMessages: 100_000, quotaBytes: 1e9, reserveBytes: 0 }

export const accountPut = (aor: string, origin: Account['origin'] = 'store'): RequestOf<'account.put'> => ({
  verb: 'account.put',
  account: { aor, ha1Md5: '0123456789abcdef0123456789abcdef', origin },
})

const newOf = (number: number) => ({
  recipient: BOB_AOR,
  sender: ALICE_AOR,
  callId: `call-${number}@192.0.2.9`,
  cseq: 1,
  fromTag: 'tag1',
  receivedAt: STORED_AT,
  expiresAt: (STORED_AT + 3_600_000) as WallTime,
  isUrgent: false,
})

/** Message `number` to bob, unlike every other number. */
export const custodyOf = (
  number: number,
  message: Partial<NewMessage> = {},
  limits: Partial<CustodyLimits> = {},
): RequestOf<'custody'> => ({
  verb: 'custody',
  message: {
    ...newOf(number),
    bytes: Buffer.from(`MESSAGE ${BOB_AOR} SIP/2.0\r\nSubject: ${number}\r\n\r\nmessage ${number}`),
    ...message,
  },
  limits: { ...WIDE_LIMITS, ...limits },
})

export const pageOf = (aor: string, afterSeq = 0): RequestOf<'page'> => ({
  verb: 'page',
  aor,
  afterSeq,
  limit: 1000,
  bytes: 1e9,
  at: STORED_AT,
  isWallTrusted: true,
})

/** Large message `number` to bob begins, unlike every other number. */
export const beginOf = (
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
    head: LARGE_HEAD,
    ...message,
  },
  limits: { ...WIDE_LIMITS, ...limits },
})

export const LARGE_HEAD = Buffer.from(`INVITE ${BOB_AOR} SIP/2.0\r\nFrom: <${ALICE_AOR}>;tag=tag1\r\n`)

export const appendOf = (
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

export const finishOf = (upload: number, size: number): RequestOf<'upload.finish'> => ({
  verb: 'upload.finish',
  upload,
  size,
  contentType: 'image/png',
  transactionId: 'dkei38sd',
  at: STORED_AT,
  limits: WIDE_LIMITS,
})

/** Large message `number` to bob at once, unlike every other number. */
export const wholeOf = (
  number: number,
  content: Buffer,
  message: Partial<NewUpload> = {},
  limits: Partial<CustodyLimits> = {},
): RequestOf<'upload.whole'> => {
  const { message: whole, limits: all } = beginOf(number, message, limits)
  const what = { contentType: 'image/png', transactionId: 'dkei38sd', at: STORED_AT }
  return { verb: 'upload.whole', message: whole, content, ...what, limits: all }
}

export const pieceOf = (seq: number, offset: number, length: number): RequestOf<'piece'> => ({
  verb: 'piece',
  aor: BOB_AOR,
  seq,
  offset,
  length,
})

/** Bytes of which no two stretches are alike. */
export function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(i, 2654435761) >>> 13) & 255
  return bytes
}
