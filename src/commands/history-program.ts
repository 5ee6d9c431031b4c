import { type Command, InvalidArgumentError, Option } from 'commander'
import { HISTORY_KINDS } from '../host/history-query.ts'
import { helped } from './help.ts'
import { type ListOptions, listHistory, listOwners, showHistory } from './history.ts'
import { dropHistory, type EraseOptions, writeHistory } from './history-work.ts'
import type { World } from './world.ts'

const AOR = ['<aor>', 'the address: alice, alice@example.org or sip:alice@example.org'] as const
const TIME = '2030-01-31, or 2030-01-31T12:00:00Z'
const NO_ACCOUNT = 'there is no such account, or the store does not answer'

/** `history ...`: what was said by and to a user. */
export function addHistory(program: Command, world: World, withConfig: (command: Command) => Command): void {
  const history = withConfig(program.command('history'))
    .argument(...AOR)
    .description(
      'Shows what was said by and to a user who keeps a history, the newest first: a line for each message or session. A user of the name of a command below is given with its domain.',
    )
    .summary('what was said by and to a user')
    .option('--peer <address>', 'with this one alone: bob, bob@example.net, a URI, or anonymous')
    .option('--since <time>', `received at or after ${TIME}`)
    .option('--until <time>', 'received before')
    .option('--subject <text>', 'somewhere in the subject, in any case')
    .addOption(new Option('--kind <kind>', 'of this kind alone').choices(HISTORY_KINDS))
    .addOption(new Option('--limit <number>', 'at most so many; default: 50').argParser(limitOf).conflicts('all'))
    .option('--all', 'all of them')
    .option('--json', 'as JSON')
    .action((aor: string, options: ListOptions) => listHistory(world, aor, options))
  helped(history, { example: 'history alice --peer bob --since 2030-01-01', wrong: NO_ACCOUNT })
  const show = withConfig(history.command('show'))
    .argument(...AOR)
    .argument('<reference>', 'as the list has it')
    .description(
      'Shows one item: what is known of it, the SIP headers of a session, and the first 64 KiB of what was said.',
    )
    .summary('one message or session')
    .option('--json', 'what is known of it as JSON, without what was said')
    .action((aor: string, reference: string, options) => showHistory(world, aor, reference, options))
  helped(show, { example: 'history show alice sip:42@edge1.example.org', wrong: 'there is no such item' })
  addWork(history, world, withConfig)
  const owners = withConfig(history.command('owners'))
    .description('Shows whose history there is, and how much of it.')
    .summary('whose history there is')
    .option('--json', 'as JSON')
    .action(options => listOwners(world, options))
  helped(owners, { example: 'history owners', wrong: 'the store does not answer' })
}

function addWork(history: Command, world: World, withConfig: (command: Command) => Command): void {
  const write = withConfig(history.command('export'))
    .argument(...AOR)
    .argument('<file>', 'a file that is not there yet, or - for the output')
    .description(
      'Writes all of a user’s history, the oldest first, as a file of mails (mbox) that any mail program reads, with what was received attached as it was. How far it is is told on stderr.',
    )
    .summary('write a user’s history to a file')
    .action((aor: string, file: string, options) => writeHistory(world, aor, file, options))
  helped(write, {
    example: 'history export alice alice.mbox',
    wrong: 'there is no such account, or the file cannot be written',
  })
  const erase = withConfig(history.command('erase'))
    .argument(...AOR)
    .description('Removes all of a user’s history, or what was received before a time, for ever. It asks first.')
    .summary('remove a user’s history')
    .option('--before <time>', `only what was received before ${TIME}`)
    .option('--yes', 'do not ask')
    .action((aor: string, options: EraseOptions) => dropHistory(world, aor, options))
  helped(erase, {
    example: 'history erase alice --before 2030-01-01 --yes',
    wrong: 'it was not confirmed, or there is no such account',
  })
}

function limitOf(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit < 1) throw new InvalidArgumentError('Allowed: a whole number from 1 on.')
  return limit
}
