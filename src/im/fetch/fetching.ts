import type { Config } from '../../base/config.ts'
import type { Counters } from '../../base/counters.ts'
import type { Entropy } from '../../base/entropy.ts'
import type { Now } from '../../base/time.ts'
import type { MsrpEndpoint } from '../../msrp/endpoint.ts'
import type { Resolver } from '../../sip/next-hop.ts'
import type { Sessions } from '../../sip/session.ts'
import type { ServerTransaction } from '../../sip/transaction/server-transaction.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import type { StoreClient } from '../../store/verbs.ts'
import type { Admission } from '../admission.ts'
import { type Answer, type Refuse, warning } from '../answers.ts'
import type { Domain } from '../domain.ts'
import type { OwnAddresses } from '../own-addresses.ts'

/** Seconds until whatever keeps a mailbox or a history busy may be over. */
export const BUSY_RETRY_S = 5

/** Answers INVITEs by which users fetch what is theirs. */
export interface Fetching {
  /** Whether an INVITE to this user of ours is one to the function itself. */
  isFor(recipient: string): boolean
  /** Answers 200 and sends, or gives the answer that refuses. */
  handle(now: Now, transaction: ServerTransaction, received: SipRequest, admission: Admission, refuse: Refuse): void
}

export interface FetchingParts {
  readonly store: StoreClient
  readonly sessions: Sessions
  readonly msrp: MsrpEndpoint
  readonly own: OwnAddresses
  readonly resolver: Resolver
  readonly entropy: Entropy
  readonly counters: Counters
  readonly domain: Domain
  readonly hostname: string
  readonly config: Pick<Config, 'history'>
  readonly storeUri: string
  readonly localFingerprint?: () => string
  isOwnVia(host: string, port: number | undefined): boolean
}

export const busy = (hostname: string, why: string): Answer => ({
  status: 480,
  headers: [['Retry-After', String(BUSY_RETRY_S)], warning(hostname, why)],
})
