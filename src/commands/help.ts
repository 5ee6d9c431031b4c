import type { Command } from 'commander'
import { nearest } from '../base/nearest.ts'
import { printable } from '../base/quoted.ts'
import { COMMAND } from './text.ts'

interface HelpText {
  /** A command line without the program's name, and what it shows beyond that. */
  readonly example: string
  /** What exit code 1 means here; absent where it does not occur. */
  readonly wrong?: string
}

/** What stands in a command's help below its options. */
export const helped = (command: Command, { example, wrong }: HelpText): Command =>
  command.addHelpText(
    'after',
    [
      '',
      'Example:',
      `  ${COMMAND} ${example}`,
      '',
      'Exit codes:',
      '  0  done',
      ...(wrong ? [`  1  ${wrong}; the reason is on stderr`] : []),
      '  2  the command line is wrong',
    ].join('\n'),
  )

/** `help COMMAND...`, and for each command errors that name what was probably meant and where help is. */
export function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .argument('[command...]', 'e.g. user add')
    .description('what a command does and takes')
    .action((words: string[]) => {
      let command = program
      for (const word of words) {
        const inner = command.commands.find(candidate => candidate.name() === word)
        if (!inner) command.error(`error: unknown command '${word}'`)
        else command = inner
      }
      command.outputHelp()
    })
  guide(program, COMMAND)
}

function guide(command: Command, words: string): void {
  const shows = command.commands.length > 0 ? 'lists the commands' : 'shows what it takes'
  command
    .showSuggestionAfterError(false)
    .showHelpAfterError(`(${words} --help ${shows})`)
    .configureOutput({ outputError: (text, write) => write(`${printable(text.trimEnd())}${guessOf(text, command)}\n`) })
  for (const inner of command.commands) guide(inner, `${words} ${inner.name()}`)
}

/** On a line of its own: the nearest name there is, else which options there are. */
function guessOf(text: string, command: Command): string {
  const [, kind, written = ''] = /^error: unknown (option|command) '(.*)'/.exec(text) ?? []
  const help = command.createHelp()
  if (kind === 'option') {
    const names = help.visibleOptions(command).map(option => option.long?.slice(2) ?? '')
    const near = nearest(written.replace(/^-+/, '').split('=')[0]!, names)
    return near ? `\n(Did you mean --${near}?)` : `\n(Options here: ${names.map(name => `--${name}`).join(', ')})`
  }
  const names = help.visibleCommands(command).map(inner => inner.name())
  const near = kind && nearest(written, names)
  return near ? `\n(Did you mean ${near}?)` : ''
}
