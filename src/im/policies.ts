import { parseCidr } from '../base/address.ts'
import type { Config } from '../base/config.ts'
import type { Flow } from '../base/flow.ts'
import { TrustedPeers } from '../sip/identity.ts'
import type { CustodyPolicy } from './custody.ts'
import type { DeliveryPolicy } from './delivery/delivery.ts'
import type { DeliveryProfile } from './delivery/rungs.ts'
import type { HistoryPolicy } from './history/history-desk.ts'
import type { OwnAddresses } from './own-addresses.ts'
import type { ReceiptPolicy } from './receipt-terms.ts'
import type { RecordingPolicy } from './recording/recording-policy.ts'

/** What is told from where a request comes. */
export function trustOf({ auth }: Config, own: OwnAddresses) {
  const peers = new TrustedPeers(auth.trusted_peers.flatMap(text => parseCidr(text) ?? []))
  return {
    isOwnVia: (host: string, port: number | undefined) => own.isOwnVia(host, port),
    isTrusted: (flow: Flow) => peers.has(flow.remote.address),
  }
}

/** A small mailbox is not worth dividing: who wrote to it first would be refused early, and nobody else gains much. */
const UNDIVIDED = { messages: 100, bytes: 8 * 1024 * 1024 }

export const custodyPolicy = ({ auth, deferral }: Config, receipts: ReceiptPolicy): CustodyPolicy => ({
  isEnabled: deferral.enabled,
  expiry: { defaultS: deferral.default_expiry_s, maxS: deferral.max_expiry_s },
  limits: {
    quotaMessages: deferral.quota_messages,
    quotaBytes: deferral.quota_bytes,
    reserveBytes: deferral.reserve_bytes,
    sender: {
      sharePercent: deferral.sender_share_percent,
      undivided: UNDIVIDED,
      quotaMessages: deferral.sender_quota_messages,
      quotaBytes: deferral.sender_quota_bytes,
      areNamesBelieved: !auth.digest,
    },
  },
  bodyBytesMax: deferral.max_message_bytes,
  receipts,
})

/** Nothing makes room in a history but time: if it could fill flash down to the reserve, no message would be taken any more. */
const HISTORY_RESERVES = 2

export const historyPolicy = ({ deferral, history }: Config): HistoryPolicy => ({
  isEnabled: history.enabled,
  limits: {
    quotaBytes: history.quota_bytes,
    // Whoever has a history written over and over wears flash, and keeps nothing.
    dayBytes: history.quota_bytes,
    reserveBytes: HISTORY_RESERVES * deferral.reserve_bytes,
    isActiveByDefault: history.active_default,
  },
})

export const deliveryPolicy = ({ delivery }: Config): DeliveryPolicy => ({
  isActive: delivery.active_default,
  profile: delivery.profile as DeliveryProfile,
  retryMinMs: delivery.retry_min_s * 1000,
  retryMaxMs: delivery.retry_max_s * 1000,
})

/** Loose routing, whether the administrator wrote `;lr` or not. */
export function routeValue(uri: string): string {
  const bare = uri.replace(/^<|>$/g, '')
  return /;lr\b/i.test(bare) ? `<${bare}>` : `<${bare};lr>`
}

export const recordingPolicy = ({ auth, history }: Config, hasCore: boolean): RecordingPolicy => ({
  isEnabled: history.enabled,
  functionUri: history.uri,
  factoryUri: history.conference_factory_uri,
  recordingsMax: history.recordings_max,
  durationMaxMs: history.recording_max_s * 1000,
  areNamesProven: auth.digest,
  hasCore,
})
