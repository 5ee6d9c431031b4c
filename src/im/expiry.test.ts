import t from 'tap'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { sipDate, UNDATED } from '../base/time.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { field } from '../sip-parser-lite/names.ts'
import { expiryOf } from './expiry.ts'
import { readTerms } from './terms.ts'

const WALL = Date.UTC(2026, 0, 15, 12) as WallTime
const now: Now = { at: 0 as Instant, wall: WALL, isWallTrusted: true }
const policy = { defaultS: 20, maxS: 100 }

const message = (headers: Record<string, string>): SipRequest => ({
  kind: 'request',
  method: 'MESSAGE',
  uri: 'sip:bob@example.org',
  headers: Object.entries(headers).map(([name, value]) => field(name, value)),
  body: Buffer.alloc(0),
})

const lifeS = (headers: Record<string, string>, at = now): number | string => {
  const expiry = expiryOf(readTerms(message(headers)), at, policy)
  return expiry === 'never kept' ? expiry : (expiry - at.wall) / 1000
}

t.test('DM-STO-11: Expires up to the maximum is taken as it is', async t => {
  t.equal(lifeS({ Expires: '5' }), 5)
  t.equal(lifeS({ Expires: '100' }), 100, 'equal to the maximum is allowed')
})

t.test('DM-STO-12: absent or above the maximum gives the default, not the maximum', async t => {
  t.equal(lifeS({}), 20)
  t.equal(lifeS({ Expires: '101' }), 20)
  t.equal(lifeS({ Expires: '99999999999999' }), 20)
})

t.test('docs/protocol.md: Expires: 0 asks not to be kept', async t => {
  t.equal(lifeS({ Expires: '0' }), 'never kept')
})

t.test('RFC 3428 7: the delta counts from Date, unless that is absurd or the clock is', async t => {
  const dated = (offsetS: number): Record<string, string> => ({ Date: sipDate((WALL + offsetS * 1000) as WallTime) })
  t.equal(lifeS({ ...dated(-8), Expires: '50' }), 42)
  t.equal(lifeS({ ...dated(240), Expires: '50' }), 290, 'a clock a little ahead')
  t.equal(lifeS({ ...dated(360), Expires: '50' }), 50, 'more than five minutes ahead')
  t.equal(lifeS({ ...dated(-60), Expires: '50' }), 50, 'would have ended already')
  t.equal(lifeS({ Date: 'yesterday', Expires: '50' }), 50)
  const in1970 = { ...now, wall: 3600_000 as WallTime, isWallTrusted: false }
  t.equal(Number(lifeS({ ...dated(-8), Expires: '50' }, in1970)), (UNDATED - in1970.wall) / 1000 + 50)
  t.equal(Number(lifeS({ Expires: '101' }, in1970)), (UNDATED - in1970.wall) / 1000 + 20)
})
