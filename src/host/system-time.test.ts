import t from 'tap'
import { silentLog } from '../base/log.ts'
import type { Instant, WallTime } from '../base/time.ts'
import { type RunProgram, SystemTime } from './system-time.ts'

const WALL = Date.UTC(2030, 0, 1) as WallTime
const DAY_MS = 86_400_000

/** A system with these programs; `told` is what they were asked to do. */
function systemWith(
  programs: Readonly<Record<string, string>>,
  { isTrusted = true, canSet = true, files = [] as string[], floor = WALL - DAY_MS } = {},
) {
  const told: string[] = []
  const logged: string[] = []
  const at = { now: 0 }
  const run: RunProgram = async (name, args) => {
    told.push([name, ...args].join(' '))
    const out = programs[name]
    return out === undefined ? { wrong: 'Operation not permitted' } : { out }
  }
  const clock = {
    now: () => ({ at: at.now as Instant, wall: WALL, isWallTrusted: isTrusted }),
    trustedWall: floor as WallTime,
  }
  const log = { ...silentLog, warn: (msg: string, fields?: object) => logged.push(JSON.stringify([msg, fields])) }
  const time = new SystemTime({ clock, log, run, canSet, isThere: path => files.includes(path) })
  return { time, told, logged, at }
}

const by = { who: 'ann', isAheadMeant: false }

t.test('what keeps the clock right: as far as the system says', async t => {
  for (const [programs, files, source, asked] of [
    [{ timedatectl: 'CanNTP=yes\nNTP=yes\nNTPSynchronized=yes\n' }, [], 'synchronised', 'timedatectl'],
    [{ timedatectl: 'CanNTP=no\nNTP=no\nNTPSynchronized=yes\n' }, [], 'synchronised', 'timedatectl'],
    [{ timedatectl: 'CanNTP=yes\nNTP=yes\nNTPSynchronized=no\n' }, [], 'waiting', 'timedatectl'],
    [{ timedatectl: 'CanNTP=yes\nNTP=no\nNTPSynchronized=no\n' }, [], 'off', 'timedatectl'],
    [{ timedatectl: 'CanNTP=no\nNTP=no\nNTPSynchronized=no\n' }, [], 'unknown', 'timedatectl'],
    [{ timedatectl: '' }, [], 'unknown', 'timedatectl'],
    [{ chronyc: 'C0A80101,192.168.1.1,3,1,0,0,0,0,0,0,0,0,0.1,Normal\n' }, [], 'synchronised', 'chronyc'],
    [{ chronyc: '00000000,,0,0,0,0,0,0,0,0,0,0,0,Not synchronised\n' }, [], 'waiting', 'chronyc'],
    [{}, ['/run/systemd/timesync/synchronized'], 'synchronised', 'systemd-timesyncd'],
    [{}, [], 'unknown', undefined],
  ] as const)
    t.match(await systemWith(programs, { files: [...files] }).time.view(), { source, asked }, JSON.stringify(programs))
})

t.test('the clock, its floor, and whether it is trusted', async t => {
  t.match(await systemWith({}).time.view(), { wall: WALL, floor: WALL - DAY_MS, isTrusted: true, canSet: true })
  const wrong = systemWith({}, { isTrusted: false, canSet: false, floor: WALL + DAY_MS })
  t.match(await wrong.time.view(), { wall: WALL, floor: WALL + DAY_MS, isTrusted: false, canSet: false })
})

t.test('whoever asks often has the system asked once', async t => {
  const { time, told, at } = systemWith({ timedatectl: 'NTP=yes\n' })
  await Promise.all([time.view(), time.view()])
  at.now = 2000
  await time.view()
  t.equal(told.length, 1)
  at.now = 2001
  await time.view()
  t.equal(told.length, 2)
})

t.test('set by hand: by the system, to the second, in the log, and in the hardware where there is a clock', async t => {
  const { time, told, logged } = systemWith({ date: '', hwclock: '' }, { files: ['/dev/rtc0'] })
  t.equal(await time.set(WALL + 5500, by), undefined)
  t.same(told, [`date -u -s @${WALL / 1000 + 5}`, 'hwclock --systohc --utc --noadjfile'])
  t.match(logged[0], /set by hand.*"by":"ann".*2030-01-01T00:00:00.000Z.*2030-01-01T00:00:05/)
  const without = systemWith({ date: '' })
  await without.time.set(WALL, by)
  t.equal(without.told.length, 1)
  const broken = systemWith({ date: '' }, { files: ['/dev/rtc0'] })
  t.equal(await broken.time.set(WALL, by), undefined, 'the clock itself is set')
  t.match(broken.logged[1], /hardware was not set/)
})

t.test('what is not set: nonsense, far ahead by mistake, without permission, refused by the system', async t => {
  const { time, told } = systemWith({ date: '' })
  for (const wall of [Number.NaN, 0, Date.UTC(2025, 11, 31), Date.UTC(2050, 0, 1), Number.POSITIVE_INFINITY])
    t.same(await time.set(wall, by), { kind: 'out of range' })
  t.same(await time.set(WALL + DAY_MS + 1, by), { kind: 'far ahead' })
  t.same(told, [])
  t.equal(await time.set(WALL + DAY_MS, by), undefined)
  t.equal(await time.set(WALL + DAY_MS + 1, { ...by, isAheadMeant: true }), undefined)
  t.equal(await time.set(WALL - 100 * DAY_MS, by), undefined, 'back is no loss')
  const lost = systemWith({ date: '' }, { isTrusted: false })
  t.equal(await lost.time.set(WALL + 100 * DAY_MS, by), undefined, 'a clock that nobody believes')
  const bound = systemWith({ date: '' }, { canSet: false })
  t.same(await bound.time.set(WALL, by), { kind: 'not permitted' })
  t.same(bound.told, [])
  t.same(await systemWith({}).time.set(WALL, by), { kind: 'failed', why: 'Operation not permitted' })
})
