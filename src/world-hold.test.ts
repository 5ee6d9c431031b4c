import t from 'tap'
import { LargeCall } from './testing/large-call.ts'
import { BOB, scenario, waitingFor } from './testing/scenario.ts'

t.test(
  'DM-STO-07: a sender faster than the flash is held by its own connection, loses nothing, and stops nobody else',
  async t => {
    const run = scenario('held sender')
    const { world, alice, box } = run
    const carol = world.phone('carol')
    const calls = [alice, carol].map(phone => phone.act(now => new LargeCall(phone.phone, now, { to: BOB })))
    world.until(() => calls.every(({ status }) => status !== undefined), 'answers to the INVITEs')
    const holds: boolean[] = []
    const hold = world.network.hold.bind(world.network)
    world.network.hold = (station, flow, isHeld) => {
      holds.push(isHeld)
      hold(station, flow, isHeld)
    }
    box.disk.faults = { ...box.disk.faults, flushMinMs: 500, flushMaxMs: 500 }
    const body = Buffer.from(Uint8Array.from({ length: 8_000_000 }, (_, at) => (at * 31) ^ (at >> 8)))
    const large = alice.act(now => calls[0]!.send(now, body, 'image/png'))
    world.until(() => holds.includes(true), 'the sender is held')
    const small = carol.act(now => calls[1]!.send(now, Buffer.from('hello'), 'text/plain'))
    world.until(() => small.outcome !== undefined, 'an outcome of the other')
    t.same([small.outcome, large.outcome], [{ status: 200 }, undefined])
    world.until(() => large.outcome !== undefined, 'an outcome')
    t.same(large.outcome, { status: 200 })
    t.equal(holds.filter(isHeld => isHeld).length, holds.filter(isHeld => !isHeld).length, 'let go each time')
    const kept = waitingFor(run)
    const piece = world.ask(box, 'piece', { aor: BOB, seq: kept[1]!.seq, offset: 7_000_000, length: 1_000_000 })
    t.ok(piece?.equals(body.subarray(7_000_000)), 'byte for byte')
    t.equal(kept.length, 2)
  },
)
