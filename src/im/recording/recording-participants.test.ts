import t from 'tap'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import { RecordingParticipants } from './recording-participants.ts'

const at = (wall: number): Now => ({ at: wall as Instant, wall: wall as WallTime, isWallTrusted: true })
const BOB = 'sip:bob@example.org'
const CAROL = 'sip:carol@example.org'

t.test('HIS-INV-09: comings and goings in their order; who comes back is listed again', async t => {
  const participants = new RecordingParticipants()
  participants.are(at(1), [{ uri: BOB }])
  participants.are(at(2), [{ uri: BOB, displayName: 'Bob' }, { uri: CAROL }])
  participants.are(at(3), [{ uri: CAROL }])
  participants.are(at(4), [{ uri: CAROL }, { uri: BOB }])
  t.same(participants.list(), [
    { uri: BOB, displayName: 'Bob', joinedAt: 1, leftAt: 3 },
    { uri: CAROL, joinedAt: 2 },
    { uri: BOB, joinedAt: 4 },
  ])
})

t.test('HIS-INV-09: a conference that never ends with people fills no memory', async t => {
  const participants = new RecordingParticipants()
  for (let n = 0; n < 3000; n++)
    participants.are(at(n), [{ uri: `sip:${n}@example.org`, displayName: 'x'.repeat(4000) }])
  participants.are(at(4000), [{ uri: `sip:${'y'.repeat(4000)}@example.org` }])
  t.equal(participants.list().length, 1000)
  t.ok(participants.list().every(({ displayName = '', leftAt }) => displayName.length <= 128 && leftAt !== undefined))
})
