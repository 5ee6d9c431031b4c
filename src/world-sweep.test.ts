import t from 'tap'
import * as large from './testing/large-requests.ts'
import { BOB, type Scenario, scenario } from './testing/scenario.ts'

const BODY = large.bytes(400_000)

t.test(
  'a large message that was coming when the box went down is gone after the start, with all its bytes',
  async t => {
    const run = scenario('cut off')
    const upload = begin(run, 1)
    t.equal(run.world.ask(run.box, 'upload.append', large.append(upload, 0, BODY)), 'kept')
    run.box.crashFor(1000)
    run.world.pass(20_000)
    t.strictSame(left(run), [])
    t.equal(run.world.ask(run.box, 'upload.append', large.append(upload, 0, BODY)), 'gone')
  },
)

t.test('the bytes of a large message are swept soon after its end, and not before', async t => {
  const run = scenario('swept')
  const upload = begin(run, 1)
  run.world.ask(run.box, 'upload.append', large.append(upload, 0, BODY))
  const stored = run.world.ask(run.box, 'upload.finish', large.finish(upload, BODY.length))
  const seq = (stored as { seq: number }).seq
  run.world.pass(60_000)
  const piece = run.world.ask(run.box, 'piece', { aor: BOB, seq, offset: 0, length: BODY.length })
  t.ok(piece?.equals(BODY))
  run.world.ask(run.box, 'delete', { aor: BOB, seq, at: run.world.clock.now().wall, detail: '' })
  t.not(left(run).length, 0)
  run.world.pass(10_000)
  t.strictSame(left(run), [])
})

function begin(run: Scenario, number: number): number {
  const begun = run.world.ask(run.box, 'upload.begin', large.begin(number, { recipient: BOB }))
  return (begun as { upload: number }).upload
}

/** Keys of blocks, of the sweep list and of uploads. */
function left({ box }: Scenario): string[] {
  return ['c', 'g', 'u'].flatMap(first => box.disk.durable.range(first, `${first}\xff`).map(({ key }) => key))
}
