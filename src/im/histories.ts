import type { Config } from '../base/config.ts'
import type { Now } from '../base/time.ts'
import { HistoryDesk } from './history/history-desk.ts'
import { HistoryNotes } from './history/history-notes.ts'
import { type RecorderContext, RecorderMemory } from './history/history-recorder.ts'
import { HistoryRounds } from './history/history-rounds.ts'
import { JoinedSessions } from './joined/joined-sessions.ts'
import { historyPolicy } from './policies.ts'

type Parts = Omit<ConstructorParameters<typeof HistoryDesk>[0], 'history' | 'notes'> &
  Omit<ConstructorParameters<typeof HistoryRounds>[0], 'historyRetentionS'> &
  Omit<ConstructorParameters<typeof JoinedSessions>[0], 'historyDesk' | 'recorder'> & { readonly config: Config }

/** What keeps histories: who wants what, how it gets to flash, which sessions are recorded on their way, and what leaves again. */
export class Histories {
  readonly notes: HistoryNotes
  readonly historyDesk: HistoryDesk
  /** One memory for all records. */
  readonly recorder: RecorderContext
  readonly joined: JoinedSessions
  readonly #memory = new RecorderMemory()
  readonly #rounds: HistoryRounds

  constructor(parts: Parts) {
    const { config } = parts
    const history = historyPolicy(config)
    this.notes = new HistoryNotes(parts)
    this.historyDesk = new HistoryDesk({ ...parts, history, notes: this.notes })
    this.recorder = { ...parts, limits: history.limits, memory: this.#memory, notes: this.notes }
    this.joined = new JoinedSessions({ ...parts, historyDesk: this.historyDesk, recorder: this.recorder })
    this.#rounds = new HistoryRounds({ ...parts, historyRetentionS: config.history.retention_s })
  }

  start(now: Now): void {
    this.#rounds.start(now)
  }

  /** Shutting down: what is being recorded says that it was broken off. */
  stop(now: Now): void {
    this.joined.stop(now)
  }

  describe(): object {
    return { waiting: this.historyDesk.describe(), joined: this.joined.describe(), memory: this.#memory.describe() }
  }
}
