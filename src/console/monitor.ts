import type { Who } from '../services/access.ts'
import type { Shell } from './command.ts'
import type { ConsoleClock } from './options.ts'
import type { ConsoleBox } from './services.ts'

/** How often is looked; what it costs the box is a question to its store. */
const LOOK_MS = 3000
/** Time enough to type a word. */
const NEARLY_OVER_S = 30

interface MonitorParts {
  readonly box: () => ConsoleBox
  readonly clock: ConsoleClock
  readonly who: Who
  readonly shell: Pick<Shell, 'isMonitoring'>
  readonly tell: (text: string) => void
}

/** What somebody at a prompt is told without asking: alarms that come and end, and what becomes of a change on trial. */
export class Monitor {
  readonly #parts: MonitorParts
  /** By id, with the sentence; undefined: nobody looked yet. */
  #alarms: ReadonlyMap<string, string> | undefined
  #lastFailure: string | undefined
  #isWarned = false
  #cancel = (): void => {}
  #isOver = false

  constructor(parts: MonitorParts) {
    this.#parts = parts
    this.#lastFailure = parts.box().configuration?.view().lastFailure
  }

  start(): void {
    void this.#look()
  }

  stop(): void {
    this.#isOver = true
    this.#cancel()
  }

  /** Whoever may confirm a change is told before it goes back, and when it did. */
  trial(): void {
    const { box, who, tell } = this.#parts
    const view = who.role === 'admin' ? box().configuration?.view() : undefined
    if (!view) return
    const { pending, lastFailure } = view
    const isNearlyOver = pending !== undefined && pending.leftS <= NEARLY_OVER_S
    if (isNearlyOver && !this.#isWarned)
      tell(`*** The change on trial goes back in ${pending.leftS} s: "confirm" keeps it.`)
    this.#isWarned = isNearlyOver
    if (lastFailure !== undefined && lastFailure !== this.#lastFailure)
      tell(`*** The configuration went back: ${lastFailure}`)
    this.#lastFailure = lastFailure
  }

  async #look(): Promise<void> {
    this.trial()
    // A box that is being had anew, or whose store fails, tells it by another way.
    await this.#lookAtAlarms().catch(() => {})
    if (this.#isOver) return
    this.#cancel = this.#parts.clock.after(LOOK_MS, () => void this.#look())
  }

  async #lookAtAlarms(): Promise<void> {
    const box = this.#parts.box()
    if ('reduced' in box) return
    const found = (await box.status.alarms()).filter(({ level }) => level === 'alarm')
    const now = new Map(found.map(alarm => [alarm.id, box.alarmWords(alarm).text]))
    if (this.#alarms && !this.#isOver) this.#tellAlarms(this.#alarms, now)
    this.#alarms = now
  }

  #tellAlarms(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): void {
    const { shell, tell } = this.#parts
    if (!shell.isMonitoring) return
    for (const [id, text] of now) if (!before.has(id)) tell(`*** ALARM: ${text} "show alarms" says what to do.`)
    for (const [id, text] of before) if (!now.has(id)) tell(`*** Over: ${text}`)
  }
}
