import type { Entropy } from '../../base/entropy.ts'
import type { Endpoint } from '../../base/flow.ts'
import { IM_FEATURE_TAG } from '../../base/product.ts'
import { encodeMultipart } from '../../content/multipart.ts'
import { recordOffer } from '../../sdp/record-offer.ts'
import { freshSessionId } from '../../sdp/session-id.ts'
import { wayTo } from '../../sip/request-uri.ts'
import type { InviteOptions } from '../../sip/session-types.ts'
import { contactOf } from '../own-addresses.ts'
import type { Reach } from '../reach.ts'
import type { RecordingWish } from './recording-policy.ts'

/** RFC 4028 4.2: the recommended interval. */
const SESSION_EXPIRES_S = 1800
/** A factory is a machine and answers at once; one that has said 180 for so long waits for a person who is not there. */
const RING_LIMIT_S = 60

interface OwnSide {
  readonly endpoint: Endpoint
  /** Our MSRP URI. */
  readonly path: string
  /** Absent: MSRP without TLS. */
  readonly fingerprint?: string
  /** Contact URI of this box for that peer. */
  readonly contactUri: string
  /** Who asserts that this is a call of the history function. */
  readonly functionUri: string
}

/** What every first request of the function says of itself (HIS-INV-01). */
export const ACCEPT_CONTACT = ['Accept-Contact', `*;${IM_FEATURE_TAG};explicit`] as const

/** HIS-INV-01..07: the INVITE to the Conference-factory-URI; with the description alone for who takes no multipart. */
export function recordingInvite(wish: RecordingWish, reach: Reach, own: OwnSide, entropy: Entropy): InviteOptions {
  const { endpoint, path, fingerprint, contactUri, functionUri } = own
  const sessionId = freshSessionId(entropy)
  const sdp = recordOffer({ endpoint, path, sessionId, ...(fingerprint !== undefined && { fingerprint }) })
  const plain = { contentType: 'application/sdp', body: sdp }
  const { contentType, body } = encodeMultipart([{ contentType: plain.contentType, body: [sdp] }], entropy)
  const way = wayTo(reach.uri, reach.routes)
  return {
    requestUri: way.uri,
    to: `<${wish.conference}>`,
    from: wish.from,
    contact: contactOf(contactUri),
    routes: way.routes,
    target: reach.to,
    headers: [
      ACCEPT_CONTACT,
      ['P-Asserted-Identity', `<${functionUri}>`],
      ...(wish.privacy === undefined ? [] : [['Privacy', wish.privacy] as const]),
      ...(wish.referredBy === undefined ? [] : [['Referred-By', wish.referredBy] as const]),
    ],
    body: Buffer.concat(body),
    contentType,
    plain,
    ringLimitS: RING_LIMIT_S,
    sessionExpiresS: SESSION_EXPIRES_S,
  }
}
