import t from 'tap'
import { BOB, scenario, waitingFor } from '../testing/scenario.ts'
import { World } from '../testing/world.ts'

t.test('RFC 3261 22: an identity of ours is challenged in whatever spelling it is claimed', async t => {
  const run = scenario('spellings', { alice: { password: null } })
  for (const from of [
    'sip:alice@example.org',
    'sip:alice@example.org.',
    'sip:alice@10.0.0.1.',
    'im:alice@example.org',
  ]) {
    const sent = run.alice.message({ to: BOB, body: 'not alice', from: `<${from}>` })
    run.world.until(() => sent.status !== undefined, 'an answer')
    t.equal(sent.status, 407, from)
  }
  t.same(waitingFor(run), [])
})

t.test('a stranger who repeats the ids of a user’s message beforehand does not make it vanish', async t => {
  const run = scenario('suppressed')
  const stranger = run.world.phone('eve', { password: null })
  const ids = { callId: 'k1@ua', fromTag: 'kt1' }
  for (const cseq of [1, 2, 3, 4])
    stranger.message({ to: BOB, body: 'junk', from: '<sip:eve@elsewhere.example>', ...ids, cseq })
  run.world.pass(40_000)
  const sent = run.alice.message({ to: BOB, body: 'the real one', ...ids, cseq: 1 })
  run.world.until(() => sent.status !== undefined, 'an answer')
  t.equal(sent.status, 202)
  run.bob.register({})
  run.world.pass(60_000)
  t.ok(run.bob.texts.includes('the real one'))
})

t.test('RFC 3261 22: guessing is slowed where it comes from, and the user at another place is let in', async t => {
  const run = scenario('guesses', { bob: { password: 'wrong' } })
  const { counters } = run.box
  const register = ({ bob } = run): number | undefined => {
    bob.register()
    run.world.until(() => bob.phone.registered !== undefined, 'an answer')
    return bob.phone.registered
  }
  // The phone answers each challenge, so but for the first time it tries the old nonce and a new one.
  t.same(
    Array.from({ length: 7 }, () => register()),
    [401, 401, 401, 401, 401, 403, 403],
  )
  t.equal(counters.get('auth_refused', 'wrong credentials'), 10)
  t.equal(counters.get('auth_refused', 'slowed'), 2)
  const rightful = run.world.phone('bob', { address: '10.0.2.1' })
  t.equal(register({ ...run, bob: rightful }), 200)
  run.world.pass(31_000)
  register()
  t.equal(counters.get('auth_refused', 'wrong credentials'), 11, 'after half a minute they are looked at again')
})

t.test(
  'RFC 7616 3.4.2: a name that a URI has to escape may be logged in by as well, with its domain or without',
  async t => {
    for (const [user, names] of Object.entries({
      'o+max%20m': ['o+max m', 'o+max m@example.org'],
      'm%C3%BCller': ['müller', 'müller@example.org'],
      'a%40b': ['a@b', 'a@b@example.org'],
    }))
      for (const username of names) {
        const world = new World(username)
        world.appliance({ users: [`${user}:secret`] })
        const phone = world.phone(user, { username, password: 'secret' })
        phone.register()
        world.until(() => phone.phone.registered !== undefined, 'an answer')
        t.equal(phone.phone.registered, 200, username)
      }
  },
)
