import type { Now } from '../../base/time.ts'
import type { OutgoingSession } from '../../sip/outgoing-session.ts'
import type { SipResponse } from '../../sip-parser-lite/message.ts'
import { ANONYMOUS, bareUri, headAsReceived } from '../history/history-item.ts'
import type { NewRecord } from '../history/history-recorder.ts'
import type { RecordingWish } from './recording-policy.ts'

/** Longer names of a conference are not for people to read. */
const PEER_LENGTH_MAX = 256

/** HIS-STO-02, 06, 07 and HIS-INV-08: what is known of a recorded conference when its focus has answered. */
export function newRecord(
  now: Now,
  { initiator, conference, recordingName, isAnonymous }: RecordingWish,
  { callId, request, remoteContact }: OutgoingSession,
  response: SipResponse,
): NewRecord {
  const identity = remoteContact === undefined ? conference : bareUri(remoteContact)
  return {
    item: {
      kind: 'session',
      receivedAt: now.wall,
      from: isAnonymous ? ANONYMOUS : initiator,
      to: conference,
      callId,
      isAnonymous,
      ...(!isAnonymous && { assertedIdentity: initiator }),
      ...(recordingName !== undefined && { recordingName }),
    },
    owners: [{ aor: initiator, role: 'recorder', peer: identity.length > PEER_LENGTH_MAX ? conference : identity }],
    heads: { invite: headAsReceived(request), answer: headAsReceived(response) },
    isAskedFor: true,
  }
}
