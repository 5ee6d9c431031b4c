import t from 'tap'
import type { SimulatedPhone } from './testing/simulated-phone.ts'
import { World } from './testing/world.ts'

/** The box with every kind of listener. */
const LISTEN = `
  sip_tls = "10.0.0.1:5061"
  sip_ws = "10.0.0.1:8081"
  sip_wss = "10.0.0.1:8443"
  msrp_tls = "10.0.0.1:2856"`

const BOX = { users: ['alice:alice', 'bob:bob'], listen: LISTEN }

/** Bob is away while alice writes. */
function twoMessagesFor(world: World, alice: SimulatedPhone): void {
  const sent = ['one', 'two'].map(body => alice.message({ to: 'sip:bob@example.org', body }))
  world.until(() => sent.every(({ status }) => status !== undefined), 'both are answered')
  t.same(
    sent.map(({ status }) => status),
    [202, 202],
  )
}

for (const transport of ['tls', 'ws', 'wss'] as const)
  for (const segmentMax of [0, 7])
    t.test(
      `RFC 7118, RFC 3261 26: messages in and out over ${transport}, in pieces of ${segmentMax || 'any size'}`,
      async t => {
        const faults = { loss: 0, duplication: 0, latencyMinMs: 1, latencyMaxMs: 9, segmentMax }
        const world = new World(`${transport} ${segmentMax}`, faults)
        const box = world.appliance(BOX)
        const alice = world.phone('alice', { transport })
        twoMessagesFor(world, alice)
        const bob = world.phone('bob', { transport })
        bob.register()
        world.until(() => bob.texts.length === 2, 'bob has both')
        t.same(bob.texts, ['one', 'two'])
        t.equal(box.counters.get('sip_malformed', ''), 0)
        world.pass(1000)
        t.same(world.ask(box, 'mailbox', { aor: 'sip:bob@example.org', afterSeq: 0, limit: 10 }), [], 'nothing waits')
      },
    )

t.test(
  'RFC 7118 5.1: once its WebSocket is gone a client is reached by no other way, and what it was to get is kept',
  async t => {
    const world = new World(7)
    const box = world.appliance(BOX)
    const bob = world.phone('bob', { transport: 'ws' })
    bob.register()
    world.until(() => bob.phone.registered === 200, 'bob is registered')
    world.network.unplug(bob)
    twoMessagesFor(world, world.phone('alice', { transport: 'udp' }))
    world.pass(60_000)
    t.same(bob.texts, [])
    const again = world.phone('bob', { transport: 'ws' })
    again.register()
    world.until(() => again.texts.length === 2, 'bob has both')
    t.same(again.texts, ['one', 'two'])
    t.ok(box.isUp)
  },
)

t.test(
  'RFC 4975 14, RFC 8122: who signals over TLS gets an offer of MSRP over TLS, and the fingerprints decide',
  async t => {
    for (const [setup, fingerprint, isTaken] of [
      ['passive', undefined, true],
      ['active', undefined, true],
      ['passive', `sha-256 ${Array(32).fill('00').join(':')}`, false],
      ['active', `sha-256 ${Array(32).fill('00').join(':')}`, false],
      ['passive', 'md5 00:00', false],
    ] as const) {
      const world = new World(`${setup} ${fingerprint}`)
      const box = world.appliance(BOX)
      twoMessagesFor(world, world.phone('alice', { transport: 'udp' }))
      const bob = world.phone('bob', { transport: 'tls' })
      bob.phone.behaviour = {
        invite: () => ({ status: 200, setup, ...(fingerprint && { fingerprint }) }),
        message: () => 200,
      }
      bob.register({ isInstantMessaging: true })
      const forms = () => bob.arrived.map(({ form }) => form)
      if (isTaken) world.until(() => bob.texts.length === 2, 'bob has both')
      else world.pass(10_000)
      const [invite] = bob.calls.map(call => call.invite.body.toString())
      t.match(invite, /^m=message 2856 TCP\/TLS\/MSRP \*\r$/m)
      t.match(invite, /^a=path:msrps:\/\/10\.0\.0\.1:2856\//m)
      t.match(invite, /^a=fingerprint:sha-256 31:30:2E:30/m, 'that of the box')
      if (isTaken) t.same(forms(), ['msrp', 'msrp'])
      else t.notOk(forms().includes('msrp'), `${setup} ${fingerprint}: nothing for the holder of another certificate`)
      t.ok(box.isUp)
    }
  },
)

t.test('who signals without TLS is offered MSRP without', async t => {
  const world = new World(3)
  world.appliance(BOX)
  twoMessagesFor(world, world.phone('alice'))
  const bob = world.phone('bob', { transport: 'ws' })
  bob.register({ isInstantMessaging: true })
  world.until(() => bob.texts.length === 2, 'bob has both')
  t.match(bob.calls[0]!.invite.body.toString(), /^m=message 2855 TCP\/MSRP \*\r$/m)
})
