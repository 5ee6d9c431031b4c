import { Socket } from 'node:net'
import t from 'tap'
import { Counters } from '../base/counters.ts'
import { HANDSHAKES_MAX, HANDSHAKES_PER_ADDRESS_MAX, Handshakes } from './handshakes.ts'

t.test('when there are too many, the oldest makes room', async t => {
  const counters = new Counters()
  const handshakes = new Handshakes(counters)
  const addressOf = (index: number): string => `192.0.2.${Math.floor(index / HANDSHAKES_PER_ADDRESS_MAX)}`
  const sockets = Array.from({ length: HANDSHAKES_MAX + 2 }, () => new Socket())
  for (const [index, socket] of sockets.entries()) t.ok(handshakes.begin(socket, addressOf(index)))
  t.same(sockets.map(socket => socket.destroyed).slice(0, 4), [true, true, false, false])
  t.equal(counters.get('handshakes_ended', 'displaced'), 2)
  handshakes.endAll()
  t.ok(sockets.every(socket => socket.destroyed))
})

t.test('one address has its share and no more; what is done or gone counts no longer', async t => {
  const handshakes = new Handshakes(new Counters())
  const sockets = Array.from({ length: HANDSHAKES_PER_ADDRESS_MAX }, () => new Socket())
  for (const socket of sockets) t.ok(handshakes.begin(socket, '192.0.2.1'))
  t.notOk(handshakes.begin(new Socket(), '192.0.2.1'))
  t.ok(handshakes.begin(new Socket(), '192.0.2.2'))
  for (let host = 1; host <= HANDSHAKES_PER_ADDRESS_MAX; host++)
    t.ok(handshakes.begin(new Socket(), `2001:db8::${host.toString(16)}`))
  t.notOk(handshakes.begin(new Socket(), '2001:db8::ffff'), 'a /64 is one')
  handshakes.done(sockets[0]!)
  t.ok(handshakes.begin(new Socket(), '192.0.2.1'))
  await new Promise<void>(resolve => {
    sockets[1]!.once('close', () => resolve())
    sockets[1]!.destroy()
  })
  t.ok(handshakes.begin(new Socket(), '192.0.2.1'))
  t.notOk(handshakes.begin(new Socket(), '192.0.2.1'))
  handshakes.endAll()
})
