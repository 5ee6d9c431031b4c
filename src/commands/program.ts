import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { BAUDS, FLOW_CONTROLS } from '../base/config-schema.ts'
import { VERSION } from '../base/product.ts'
import { PlainError, refusedBySystem } from '../host/plain-error.ts'
import type { DigestAlgorithm } from '../store/verbs.ts'
import { addBackup } from './backup-program.ts'
import { check } from './check.ts'
import type { ConsoleCommandOptions } from './console.ts'
import { addHelp, helped } from './help.ts'
import { addHistory } from './history-program.ts'
import { showQueue } from './queue.ts'
import type { ServeCommandOptions } from './serve.ts'
import { CHOICES, type SettingsOptions, showSettings } from './settings.ts'
import { showTrace } from './trace.ts'
import { addUser, changePassword, listUsers, type PasswordOptions, removeUser } from './user.ts'
import type { World } from './world.ts'

const DONE = 0
const WRONG = 1
const USAGE = 2

const VERSIONS = `restante ${VERSION}\nNode.js ${process.versions.node}`

/** Runs one command line (without the program's name) and gives its exit code: 0 done, 1 input or state wrong, 2 usage. */
export async function run(args: readonly string[], world: World): Promise<number> {
  try {
    await makeProgram(world).parseAsync(args, { from: 'user' })
    return DONE
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : USAGE
    const plain = error instanceof PlainError ? error : refusedBySystem(error)
    if (!plain) throw error
    world.err(`${plain.message}\n`)
    return WRONG
  }
}

function makeProgram(world: World): Command {
  const program = new Command('restante')
    .description('Keeps instant messages for people who are away and hands them over when they come back.')
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({ writeOut: world.out, writeErr: world.err })
    .version(VERSIONS, '--version', 'the version of the program and of its runtime')
  helped(program, { example: 'check --config restante.toml', wrong: 'what was given or found is wrong' })
  addServing(program, world)
  addUsers(program, world)
  addSettings(program, world)
  addQueue(program, world)
  addHistory(program, world, withConfig)
  addBackup(program, world, withConfig)
  addConsole(program, world)
  addHelp(program)
  return program
}

const withConfig = (command: Command): Command =>
  command.option('--config <file>', 'the configuration; default: ./restante.toml, else /etc/restante/restante.toml')

const withAor = (command: Command): Command =>
  command.argument('<aor>', 'the address: alice, alice@example.org or sip:alice@example.org')

function addServing(program: Command, world: World): void {
  const serve = withConfig(program.command('serve'))
    .description('Runs in the foreground until SIGTERM or SIGINT. Stopping takes at most 5 s and loses nothing.')
    .summary('run in the foreground until SIGTERM or SIGINT')
    .addOption(program.createOption('--first-accounts <users>').hideHelp())
    .option(
      '--write-config <file>',
      'where changes made on the config page are written to, and read from if it is there; default: the same file',
    )
    .action(async (options: ServeCommandOptions) => (await import('./serve.ts')).serve(world, options))
  helped(serve, {
    example: 'serve --config restante.toml',
    wrong: 'the configuration is wrong, a port or the data folder is in use, or the store cannot be opened',
  })
  const checking = withConfig(program.command('check'))
    .description(
      'Validates the configuration and changes nothing. Every error is a line FILE:KEY: what is wrong, what is allowed.',
    )
    .summary('validate the configuration; changes nothing')
    .action((options: { config?: string }) => check(world, options))
  helped(checking, { example: 'check --config restante.toml', wrong: 'there are errors, or the file cannot be read' })
  const version = withConfig(program.command('version'))
    .description('Tells the version of the program and of its runtime.')
    .summary('the version of the program and of its runtime')
    .action(() => world.out(`${VERSIONS}\n`))
  helped(version, { example: 'version' })
}

function addUsers(program: Command, world: World): void {
  const user = program
    .command('user')
    .description('Accounts: who may register here, and for whom messages are kept.')
    .summary('accounts')
  helped(user, { example: 'user add alice', wrong: 'what was given or found is wrong' })
  const withPassword = (command: Command): Command =>
    withConfig(withAor(command))
      .option('--password-stdin', 'the password is the first line of the input')
      .option('--algorithms <list>', 'digest algorithms offered to this account, e.g. SHA-256,MD5', algorithmsOf)
  const add = withPassword(user.command('add'))
    .description(
      'Makes an account. The password is asked for on a terminal or read with --password-stdin; without one, one is made and shown once.',
    )
    .summary('make an account')
    .action((aor: string, options: PasswordOptions) => addUser(world, aor, options))
  helped(add, {
    example: 'user add alice --password-stdin < password.txt',
    wrong: 'the account exists already, or address, password or configuration are wrong',
  })
  const list = withConfig(user.command('list'))
    .description('Lists the accounts: address, origin (file: from [[user]], store: from user add), digest algorithms.')
    .summary('what accounts there are')
    .option('--json', 'as JSON')
    .action(options => listUsers(world, options))
  helped(list, { example: 'user list --json', wrong: 'the configuration is wrong, or the store does not answer' })
  const remove = withConfig(withAor(user.command('remove')))
    .description(
      'Removes an account with its registrations, waiting messages, history and settings, without asking. Accounts of [[user]] are removed there.',
    )
    .summary('remove an account with all that is kept for it')
    .action((aor: string, options) => removeUser(world, aor, options))
  helped(remove, { example: 'user remove alice', wrong: 'there is no such account, or it stands in the configuration' })
  const password = withPassword(user.command('password'))
    .description('Gives an account a new password, in the same ways as user add.')
    .summary('give an account a new password')
    .action((aor: string, options: PasswordOptions) => changePassword(world, aor, options))
  helped(password, {
    example: 'user password alice',
    wrong: 'there is no such account, it stands in the configuration, or the password is wrong',
  })
}

function addSettings(program: Command, world: World): void {
  const settings = withConfig(withAor(program.command('settings')))
    .description(
      'Shows what a user decided of the service, and changes it. Offline delivery off: what waits is not pushed when they register. History on: what is said by and to them is kept. default: what the configuration has under delivery.active_default and history.active_default. A change counts at once, and over whatever the user’s devices published before.',
    )
    .summary('what a user decided: offline delivery, history')
    .addOption(
      program.createOption('--offline-delivery <on|off|default>', 'push what waits, or do not').choices(CHOICES),
    )
    .addOption(
      program
        .createOption('--pager-history <on|off|default>', 'keep a history of messages, large ones too')
        .choices(CHOICES),
    )
    .addOption(
      program.createOption('--session-history <on|off|default>', 'keep a history of conversations').choices(CHOICES),
    )
    .option('--json', 'as JSON')
    .action((aor: string, options: SettingsOptions) => showSettings(world, aor, options))
  helped(settings, {
    example: 'settings alice --offline-delivery off',
    wrong: 'there is no such account, or the store does not answer',
  })
}

function addQueue(program: Command, world: World): void {
  const queue = withConfig(program.command('queue'))
    .argument('[aor]', 'one account: alice, alice@example.org or sip:alice@example.org; default: all of them')
    .description(
      'Shows the waiting messages: their count, bytes and oldest; with an address one line for each message.',
    )
    .summary('waiting messages')
    .option('--json', 'as JSON')
    .action((aor: string | undefined, options) => showQueue(world, aor, options))
  helped(queue, { example: 'queue alice', wrong: 'there is no such account, or the store does not answer' })
  const trace = withConfig(program.command('trace'))
    .argument('<id>', 'store id, Call-ID or MSRP Message-ID')
    .description('Tells the life story of a message: when it was stored, tried and delivered, and what failed.')
    .summary('the life story of one message')
    .option('--json', 'as JSON')
    .action((id: string, options) => showTrace(world, id, options))
  helped(trace, { example: 'trace a84b4c76e66710@client.example.org', wrong: 'no message is known by this id' })
}

function addConsole(program: Command, world: World): void {
  const console = withConfig(program.command('console'))
    .description(
      'The console for whoever stands before the box: sign in, then ? tells what there is. Where the service does not answer within 2 s it works on what lies on disk, and says so. Lines of a file or a pipe are taken as typed. With --device it serves a serial line, for ever.',
    )
    .summary('look after the box on this terminal or on a serial line')
    .option('--device <tty>', 'the serial line, e.g. /dev/ttyS0; default: this terminal')
    .option('--baud <n>', 'its speed; 8 data bits, no parity, 1 stop bit; default: 115200', baudOf)
    .addOption(
      program
        .createOption('--flow-control <how>', 'how each side has the other wait; default: none')
        .choices(FLOW_CONTROLS),
    )
    .action(async (options: ConsoleCommandOptions) => (await import('./console.ts')).runConsole(world, options))
  helped(console, { example: 'console --device /dev/ttyS0 --baud 9600', wrong: 'there is no terminal' })
}

function baudOf(text: string): number {
  const baud = BAUDS.find(each => `${each}` === text)
  if (baud === undefined) throw new InvalidArgumentError(`Allowed: ${BAUDS.join(', ')}.`)
  return baud
}

function algorithmsOf(text: string): DigestAlgorithm[] {
  const names = [...new Set(text.split(',').map(name => name.trim().toUpperCase()))]
  for (const name of names)
    if (name !== 'MD5' && name !== 'SHA-256') throw new InvalidArgumentError('Allowed: MD5, SHA-256.')
  return names as DigestAlgorithm[]
}
