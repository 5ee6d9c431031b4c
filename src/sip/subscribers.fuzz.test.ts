import fc from 'fast-check'
import t from 'tap'
import { NotifierWire } from '../testing/notifier-wire.ts'

/** What a notifier and the network between do next. */
const step = fc.oneof(
  fc.record({
    reply: fc.constantFrom(100, 200, 202, 302, 401, 403, 423, 480, 481, 489, 500, 503, 603),
    expires: fc.nat(4000),
  }),
  fc.record({
    state: fc.constantFrom(
      'active;expires=60',
      'active;expires=0',
      'pending',
      'terminated',
      'terminated;reason=deactivated',
      'terminated;reason=probation;retry-after=9999999999',
      'terminated;reason=noresource',
      'active;expires=x',
      ';;',
      '',
    ),
    fromTag: fc.constantFrom('focus', 'focus', 'fork'),
    type: fc.constantFrom('text/plain', 'x/y', '?'),
  }),
  fc.record({ pass: fc.constantFrom(0, 400, 5000, 40_000, 4_000_000) }),
  fc.constantFrom('refresh' as const, 'lose' as const, 'again' as const),
)

t.test('RFC 6665 4.1: whatever a notifier does and the network loses, it ends once, and nothing is left', async t => {
  let told = 0
  const isHandled = fc.property(fc.array(step, { maxLength: 25 }), fc.boolean(), (steps, isEnded) => {
    const peer = new NotifierWire()
    peer.begin()
    let last = peer.subscribe
    const look = () => {
      last = peer.rest().findLast(text => text.startsWith('SUBSCRIBE')) ?? last
      if (!/^To:.*;tag=/m.test(last)) peer.subscribe = last
    }
    for (const each of steps) {
      if (each === 'refresh') peer.own?.refresh(peer.wire.now)
      else if (each === 'lose') look()
      else if (each === 'again') peer.reply(last, 200, ['Expires: 600'])
      else if ('reply' in each)
        peer.reply(last, each.reply, [`Expires: ${each.expires}`, `Min-Expires: ${each.expires}`])
      else if ('pass' in each) peer.pass(each.pass)
      else if (!/^[245]\d\d$/.test(peer.tell({ state: each.state, fromTag: each.fromTag, body: 'x', type: each.type })))
        return false
      look()
    }
    if (isEnded) peer.own?.end(peer.wire.now)
    // As long as the longest subscription that was granted, and every attempt to have it back.
    peer.pass(isEnded ? 100_000 : 200_000_000)
    told += peer.events.filter(event => /^(first|then)/.test(event)).length
    const ends = peer.events.flatMap((event, index) => (event.startsWith('ended') ? [index] : []))
    const after = peer.events.slice((ends[0] ?? 0) + 1).filter(event => !event.startsWith('not ours'))
    const { open } = peer.subscribers.describe() as { open: number }
    return ends.length === 1 && after.length === 0 && open === 0 && peer.wire.running === ''
  })
  t.doesNotThrow(() => fc.assert(isHandled, { numRuns: 600, seed: 6665 }))
  t.ok(told > 100, `${told} were told`)
})
