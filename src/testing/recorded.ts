import type { HistoryEntry, HistoryHeads, HistoryParticipant } from '../store/history.ts'
import type { FocusMember } from './focus-member.ts'
import { HISTORY } from './history-inbox.ts'
import { historyOf } from './kept-history.ts'
import { type ReferOptions, Referring } from './referring.ts'
import { ALICE, type Scenario, scenario } from './scenario.ts'
import type { SimulatedFocus } from './simulated-focus.ts'
import type { SimulatedPhone } from './simulated-phone.ts'

export { HISTORY }

/** A box with a history function, and a focus that it may be sent to. */
export interface RecordingScenario extends Scenario {
  readonly focus: SimulatedFocus
  readonly factory: string
}

/** An item of a history with its octets. */
export interface Recorded {
  readonly entry: HistoryEntry
  readonly heads: HistoryHeads
  readonly participants: readonly HistoryParticipant[]
  /** Each request as it is kept. */
  readonly sends: readonly Buffer[]
}

export function recordingScenario(
  seed: number | string,
  options: Parameters<typeof scenario>[1] & { readonly history?: string } = {},
): RecordingScenario {
  const config = `${options.config ?? ''}\n[history]\nuri = "${HISTORY}"\n${options.history ?? ''}\n`
  const run = scenario(seed, { ...options, config })
  const focus = run.world.focus()
  return { ...run, focus, factory: `sip:factory@${focus.address}` }
}

export function refer(
  { factory }: RecordingScenario,
  phone: SimulatedPhone,
  options: Partial<ReferOptions> = {},
): Referring {
  const whole = { to: HISTORY, referTo: `<${factory}>`, ...options }
  return phone.act(now => new Referring(phone.phone, now, whole))
}

/** REFER, and the recording has begun. */
export function recording(
  run: RecordingScenario,
  options: Partial<ReferOptions> = {},
  phone = run.alice,
): { readonly referring: Referring; readonly member: FocusMember } {
  const before = run.focus.members.length
  const referring = refer(run, phone, options)
  const { world, focus } = run
  world.until(() => referring.isOver && focus.members[before]?.isReady === true, 'the recording has begun')
  return { referring, member: focus.members[before]! }
}

/** What is in that history, oldest first. */
export function recorded({ world, box }: Scenario, aor = ALICE): Recorded[] {
  return historyOf(world, box, aor).map(({ heads, pieces, bytes: _, ...entry }) => {
    const { participants } = world.ask(box, 'history.get', { aor, reference: entry.reference })!
    const sends: Buffer[][] = [[]]
    for (const { bytes, isEnd } of pieces) {
      sends.at(-1)!.push(bytes)
      if (isEnd) sends.push([])
    }
    return { entry, heads, participants, sends: sends.filter(send => send.length > 0).map(send => Buffer.concat(send)) }
  })
}
