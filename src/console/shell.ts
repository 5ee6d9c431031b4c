import type { Who } from '../services/access.ts'
import { ascii, promptName } from './ascii.ts'
import { allCommands, commandsFor, isForRole } from './catalogue.ts'
import { type Args, type Command, type Context, leaveOne, Refused, type Shell } from './command.ts'
import { parse, type Wrong } from './grammar.ts'
import { completion, errorLines, helpLines } from './help.ts'
import { hiddenLine, type SignedIn } from './login.ts'
import { Monitor } from './monitor.ts'
import type { ConsoleClock, ConsoleLine } from './options.ts'
import { otherMode } from './other-mode.ts'
import { readPipe } from './pipe.ts'
import { Enough, type Filter, Report } from './report.ts'
import type { ConsoleBox } from './services.ts'
import { Interrupted, isGone, type Terminal } from './terminal.ts'
import { wordsOf } from './words.ts'

const HISTORY_MAX = 50
/** A line that did not become a command and may hold a secret is not recalled. */
const MAY_BE_SECRET = /pass|secret|ha1|key/i

/** Words of commands that have `--json`. */
const SHOWING: ReadonlySet<string> = new Set(['show', 'list', 'trace', 'who'])

interface ShellParts {
  readonly terminal: Terminal
  readonly box: () => ConsoleBox
  readonly line: ConsoleLine
  readonly clock: ConsoleClock
  readonly signedIn: SignedIn
  /** Who it still is. */
  readonly seen: () => Who | undefined
}

/** Commands of somebody who is signed in, until they leave. */
export class ShellLoop {
  readonly #parts: ShellParts
  readonly #history: string[] = []
  readonly #shell: Shell

  constructor(parts: ShellParts) {
    this.#parts = parts
    this.#shell = {
      isEnabled: false,
      isConfiguring: false,
      pageLength: parts.line.rows,
      isMonitoring: true,
      isLeaving: false,
    }
  }

  async run(): Promise<void> {
    const { box, clock, terminal, signedIn } = this.#parts
    const tell = (text: string): void => terminal.notice(text)
    const monitor = new Monitor({ box, clock, who: signedIn.who, shell: this.#shell, tell })
    monitor.start()
    try {
      await this.#loop(monitor)
    } finally {
      monitor.stop()
    }
  }

  async #loop(monitor: Monitor): Promise<void> {
    const { terminal, seen } = this.#parts
    while (!this.#shell.isLeaving) {
      terminal.pageLength = this.#shell.pageLength
      try {
        monitor.trial()
        const text = await this.#read()
        const who = seen()
        if (!who) return await terminal.line('% You were signed out. Log in again.')
        if (text === undefined) leaveOne(this.#shell)
        else if (text.trim() !== '') await this.#execute(text, who)
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error
      }
    }
  }

  /** Undefined: ^D. */
  async #read(): Promise<string | undefined> {
    const { terminal, signedIn } = this.#parts
    const box = this.#parts.box()
    const commands = commandsFor(this.#shell, signedIn.who, box)
    const read = await terminal.readLine({
      prompt: this.#prompt(box),
      isNoticed: true,
      history: this.#history,
      complete: before => completion(commands, before, box),
      help: before => helpLines(commands, before, box),
      tell: lines => this.#tell(lines),
    })
    return read.kind === 'line' ? read.text : undefined
  }

  #prompt({ hostname }: ConsoleBox): string {
    const { isEnabled, isConfiguring } = this.#shell
    return `${promptName(hostname)}${isConfiguring ? '(config)' : ''}${isEnabled ? '#' : '>'} `
  }

  async #tell(lines: readonly string[]): Promise<void> {
    const { terminal } = this.#parts
    const report = new Report({ terminal, filter: undefined, isJson: false, signal: new AbortController().signal })
    try {
      await report.lines(lines)
    } catch (error) {
      if (!(error instanceof Enough) && !(error instanceof Interrupted)) throw error
    }
  }

  async #execute(text: string, who: Who): Promise<void> {
    const box = this.#parts.box()
    const piped = readPipe(wordsOf(text), text.length)
    if ('why' in piped) return await this.#refuse(text, piped)
    const parsed = parse(commandsFor(this.#shell, who, box), piped.words, piped.end)
    const mode = otherMode(this.#shell, piped.words, box)
    if (mode !== undefined) {
      this.#rememberUnlessSecret(text)
      return await this.#parts.terminal.line(`% This takes ${mode} first.`)
    }
    if ('why' in parsed) {
      const elsewhere = parse(allCommands(this.#shell), piped.words, piped.end)
      if (!('why' in elsewhere)) return await this.#notHere(text, elsewhere.command, who, box)
      return await this.#refuse(text, parsed)
    }
    const { command, args } = parsed
    if (piped.isJson && !command.words.some(word => SHOWING.has(word)))
      return await this.#refuse(text, { at: piped.jsonAt, why: 'Only what shows something has this', allowed: [] })
    if (command.isHidden?.some(name => args.has(name))) this.#rememberUnlessSecret(text)
    else this.#remember(text)
    if (command.tier !== 'user')
      box.log.info('console command', { name: who.name, line: this.#parts.line.name, command: said(command, args) })
    await this.#perform(command, args, { who, box, filter: piped.filter, isJson: piped.isJson })
  }

  async #notHere(text: string, command: Command, who: Who, box: ConsoleBox): Promise<void> {
    const { terminal } = this.#parts
    this.#rememberUnlessSecret(text)
    if ('reduced' in box && !command.isReduced) return await terminal.line(`% Not possible: ${ascii(box.reduced)}.`)
    const why = isForRole(command, who) ? 'This takes "enable" first.' : `Your role, ${who.role}, does not allow this.`
    await terminal.line(`% ${why}`)
  }

  async #perform(
    command: Command,
    args: Args,
    { who, box, filter, isJson }: { who: Who; box: ConsoleBox; filter: Filter | undefined; isJson: boolean },
  ): Promise<void> {
    const { terminal, line, clock, signedIn } = this.#parts
    try {
      await terminal.interruptible(async signal => {
        const reduced = 'reduced' in box ? box.reduced : undefined
        const report = new Report({ terminal, filter, isJson, signal, reduced })
        const context: Context = {
          commands: commandsFor(this.#shell, who, box),
          ...{ box, who, shell: this.#shell, line, clock, report, isJson, signal, provenAt: signedIn.at },
          ask: prompt => askLine(terminal, prompt, signal),
          askHidden: prompt => hiddenLine(terminal, prompt, signal),
          confirm: async question => /^y(es)?$/i.test((await askLine(terminal, `${question} [y/n] `, signal)).trim()),
          key: () => terminal.key(signal),
        }
        await command.run(context, args)
        await report.end()
      })
    } catch (error) {
      if (isGone(error)) throw error
      if (!(error instanceof Enough)) await this.#tellError(error, box)
    }
  }

  async #tellError(error: unknown, box: ConsoleBox): Promise<void> {
    const { terminal } = this.#parts
    if (error instanceof Interrupted) return await terminal.line('^C')
    if (error instanceof Refused) return await this.#tell(error.message.split('\n').map(text => `% ${text}`))
    if (isForPeople(error)) return await this.#tell([`% ${error.message}`])
    box.log.error('console command failed', { error: error instanceof Error ? (error.stack ?? error.message) : '' })
    await terminal.line('% An internal error. The log has it; please make a support bundle and report it.')
  }

  async #refuse(text: string, wrong: Wrong): Promise<void> {
    this.#rememberUnlessSecret(text)
    await this.#tell(errorLines(this.#prompt(this.#parts.box()).length, text, wrong, this.#parts.terminal.columns - 1))
  }

  #rememberUnlessSecret(text: string): void {
    if (!MAY_BE_SECRET.test(text)) this.#remember(text)
  }

  #remember(text: string): void {
    if (this.#history.at(-1) === text) return
    this.#history.push(text)
    if (this.#history.length > HISTORY_MAX) this.#history.shift()
  }
}

async function askLine(terminal: Terminal, prompt: string, signal: AbortSignal): Promise<string> {
  const read = await terminal.readLine({ prompt: ascii(prompt) }, signal)
  if (read.kind === 'over') throw new Interrupted()
  return read.text
}

/** As it stands in the log. */
function said({ words, elements, isHidden = [] }: Command, args: Args): string {
  const given = elements.flatMap(({ name, keyword, isFlag }) => {
    const value = args.get(name)
    if (value === undefined) return []
    const shown = isHidden.includes(name) ? '(hidden)' : ascii(value)
    return isFlag ? [name] : keyword === undefined ? [shown] : [keyword, shown]
  })
  return [...words, ...given].join(' ')
}

/** Refused here, or words of a part of the box for people, by the name that such errors have. */
const isForPeople = (error: unknown): error is Error =>
  error instanceof Refused ||
  (error instanceof Error && (error.name === 'PlainError' || typeof Object(error).status === 'number'))
