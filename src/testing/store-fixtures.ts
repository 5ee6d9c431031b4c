import type { WallTime } from '../base/time.ts'
import type { Account, CustodyLimits, NewMessage, RequestOf } from '../store/verbs.ts'

/** Requests that tests of stores begin with. */

export const ALICE_AOR = 'sip:alice@example.org'
export const BOB_AOR = 'sip:bob@example.org'
export const STORED_AT = 1_900_000_000_000 as WallTime
export const WIDE_LIMITS: CustodyLimits = { quotaMessages: 100_000, quotaBytes: 1e9, reserveBytes: 0 }

export const accountPut = (aor: string, origin: Account['origin'] = 'store'): RequestOf<'account.put'> => ({
  verb: 'account.put',
  account: { aor, ha1Md5: '0123456789abcdef0123456789abcdef', origin },
})

export const newOf = (number: number) => ({
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
