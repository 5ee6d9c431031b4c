import t from 'tap'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { Timers } from '../base/timers.ts'
import type { StoreClient } from '../store/verbs.ts'
import type { Delivery } from './delivery/delivery.ts'
import { HistoryRounds } from './history/history-rounds.ts'
import { Housekeeping } from './housekeeping.ts'
import type { Notices } from './notices.ts'
import { SteadyClock } from './steady-clock.ts'

const WALL = 1_800_000_000_000
const DAY_S = 86_400

const at = (seconds: number, setByS = 0): Now => ({
  at: (seconds * 1000) as Instant,
  wall: (WALL + (seconds + setByS) * 1000) as WallTime,
  isWallTrusted: true,
})

t.test('a step of more than a minute, either way, is followed by five minutes in which nothing ends', async t => {
  for (const byS of [61, DAY_S, -61, -DAY_S]) {
    const clock = new SteadyClock(at(0))
    const told: number[] = []
    const isSteady = (seconds: number): boolean => clock.isSteady(at(seconds, byS), each => told.push(each))
    t.equal(clock.isSteady(at(5)), true)
    t.equal(isSteady(10), false)
    t.equal(isSteady(309), false)
    t.equal(isSteady(310), true)
    t.same(told, [byS])
  }
  const clock = new SteadyClock(at(0))
  t.equal(clock.isSteady(at(10, 60)), true, 'a minute is corrected now and then')
})

t.test(
  'docs/protocol.md: neither messages, nor what is known of those that ended, nor histories end by a clock that was just set',
  async t => {
    const timers = new Timers()
    const asked: string[] = []
    const store: StoreClient = {
      ask: (verb, _request, done) => {
        asked.push(verb)
        done(now, { failure: 'busy', detail: 'asked alone counts' })
      },
    }
    let now = at(0)
    const common = { store, timers, counters: new Counters(), log: silentLog }
    new Housekeeping({ ...common, delivery: {} as Delivery, notices: { look: () => {} } as unknown as Notices }).start(
      now,
    )
    new HistoryRounds({ ...common, historyRetentionS: DAY_S }).start(now)
    const ended = (untilS: number, setByS: number): string[] => {
      asked.length = 0
      for (let seconds = now.at / 1000 + 1; seconds <= untilS; seconds++) {
        now = at(seconds, setByS)
        timers.fire(now)
      }
      return [...new Set(asked)].filter(verb => /expire|forget|redate/.test(verb)).sort()
    }
    const all = ['expire', 'forget', 'history.expire', 'redate']
    t.same(ended(130, 0), all)
    t.same(ended(400, 365 * DAY_S), [])
    t.same(ended(700, 0), [], 'back again')
    t.same(ended(900, 0), all)
  },
)
