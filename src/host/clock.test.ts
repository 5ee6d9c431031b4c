import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { Clock } from './clock.ts'

const START = Date.UTC(2030, 0, 1)

const world = () => {
  const time = { monotonic: 0, wall: START }
  return { time, sources: { monotonic: () => time.monotonic, wall: () => time.wall } }
}

t.test('DM-STO-12: a clock before the floor is not trusted', async t => {
  const { time, sources } = world()
  const clock = new Clock((START + 1000) as WallTime, sources)
  t.notOk(clock.now().isWallTrusted)
  time.wall += 1000
  t.ok(clock.now().isWallTrusted)
})

t.test('a clock that was never set (1970) is not trusted even by a new store', async t => {
  const { time, sources } = world()
  time.wall = 86_400_000
  t.notOk(new Clock(0 as WallTime, sources).now().isWallTrusted)
})

t.test('the floor follows a clock that runs steadily', async t => {
  const { time, sources } = world()
  const clock = new Clock(0 as WallTime, sources)
  time.monotonic += 300_000
  time.wall += 300_100
  t.equal(clock.nextFloor(), START + 300_100)
  time.wall -= 3600_000
  t.notOk(clock.now().isWallTrusted, 'set back behind what was seen')
  t.equal(clock.nextFloor(), undefined)
  t.equal(clock.trustedWall, START + 300_100)
})

t.test('a jump ahead raises the floor only once the clock has run on from there', async t => {
  const { time, sources } = world()
  const clock = new Clock(0 as WallTime, sources)
  time.monotonic += 300_000
  time.wall += 10 * 365 * 86_400_000
  t.equal(clock.nextFloor(), undefined)
  time.wall = START + 600_000
  time.monotonic += 300_000
  t.equal(clock.nextFloor(), undefined, 'the way back is a jump too')
  t.ok(clock.now().isWallTrusted)
  time.wall += 300_000
  time.monotonic += 300_000
  t.equal(clock.nextFloor(), START + 900_000)
})
