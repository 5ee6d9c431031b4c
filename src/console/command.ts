import type { Role, Who } from '../services/access.ts'
import type { Key } from './keys.ts'
import type { ConsoleClock, ConsoleLine } from './options.ts'
import type { Report } from './report.ts'
import type { ConsoleBox, ConsoleServices } from './services.ts'
import { type Element, syntaxOf } from './syntax.ts'

export interface Param {
  readonly help: string
  /** Nothing else is allowed; may be abbreviated. */
  readonly values?: readonly string[]
  /** Of each of them, where `help` does not do for all. */
  readonly valueHelp?: Readonly<Record<string, string>>
  /** A whole number within. */
  readonly range?: readonly [min: number, max: number]
  /** What Tab offers. */
  readonly suggest?: (box: ConsoleBox) => readonly string[]
}

/** `user`: what looks and changes nothing. `enabled`: after `enable`. `configure`: while a configuration is put together. */
export type Tier = 'user' | 'enabled' | 'configure'

export interface Command {
  /** As in the manual: `show log [level LEVEL] [lines N] [follow]`. */
  readonly syntax: string
  readonly words: readonly string[]
  readonly elements: readonly Element[]
  readonly params: Readonly<Record<string, Param>>
  readonly help: string
  readonly tier: Tier
  /** The least that may; `enabled` is for administrators in any case. */
  readonly role: Role
  /** Works in reduced form, too. */
  readonly isReduced: boolean
  /** Names of arguments that stand in no log. */
  readonly isHidden?: readonly string[]
  run(context: Context, args: Args): Promise<void>
}

type Written = Pick<Command, 'syntax' | 'help' | 'run'> &
  Partial<Pick<Command, 'params' | 'role' | 'isReduced' | 'isHidden' | 'tier'>>

/** Commands of one tier, as their group writes them. */
export const commandsOf = (tier: Tier, written: readonly Written[]): readonly Command[] =>
  written.map(one => ({ tier, params: {}, role: 'viewer', isReduced: false, ...syntaxOf(one.syntax), ...one }))

/** What was given, by name; a flag as `yes`. */
export type Args = ReadonlyMap<string, string>

/** What a session remembers between commands. */
export interface Shell {
  isEnabled: boolean
  isConfiguring: boolean
  /** `terminal length` was said: it stays for the session. */
  pageLength: number
  /** Alarms are told as they come. */
  isMonitoring: boolean
  /** Set by a command that ends the session. */
  isLeaving: boolean
}

/** Of a candidate: one for each administrator, whatever session they type in. It outlives a restart and a line that broke. */
export const candidateOwner = ({ name }: Pick<Who, 'name'>): string => `console ${name}`

/** One level up: out of the configuration, or out of the box. */
export function leaveOne(shell: Shell): void {
  if (shell.isConfiguring) shell.isConfiguring = false
  else shell.isLeaving = true
}

export interface Context {
  /** What may be typed now. */
  readonly commands: readonly Command[]
  readonly box: ConsoleBox
  readonly who: Who
  readonly shell: Shell
  readonly line: ConsoleLine
  readonly clock: ConsoleClock
  readonly report: Report
  readonly isJson: boolean
  /** Aborted by ^C, and when the command has ended in any way. */
  readonly signal: AbortSignal
  ask(prompt: string): Promise<string>
  askHidden(prompt: string): Promise<string>
  /** True for `y`; anything else is no. */
  confirm(question: string): Promise<boolean>
  key(): Promise<Key>
  /** When somebody showed that they are who they say, by `nowMs` of the clock. */
  readonly provenAt: number
}

/** Why a command is not done, in words for whoever typed it; several reasons one a line. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** The box, where it runs. */
export function running(box: ConsoleBox): ConsoleServices {
  if ('reduced' in box) throw new Refused(`Not possible: ${box.reduced}.`)
  return box
}

type Part = Exclude<keyof ConsoleBox, 'log' | 'hostname' | 'domain' | 'version'>

/** A part that a stopped box may have, too. */
export function partOf<K extends Part>(box: ConsoleBox, name: K): NonNullable<ConsoleBox[K]> {
  const part = box[name]
  if (part !== undefined) return part as NonNullable<ConsoleBox[K]>
  const why = 'reduced' in box ? box.reduced : 'this box was started without it'
  throw new Refused(`Not possible: ${why}.`)
}
