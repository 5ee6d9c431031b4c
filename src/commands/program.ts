import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { VERSION } from '../base/product.ts'
import { PlainError } from '../host/plain-error.ts'
import type { DigestAlgorithm } from '../store/verbs.ts'
import { readConfig } from './config-file.ts'
import { showQueue } from './queue.ts'
import type { ServeCommandOptions } from './serve.ts'
import { COMMAND } from './text.ts'
import { showTrace } from './trace.ts'
import { addUser, changePassword, listUsers, type PasswordOptions, removeUser } from './user.ts'
import type { World } from './world.ts'

const DONE = 0
const WRONG = 1
const USAGE = 2

const VERSIONS = `restante ${VERSION}\nNode.js ${process.versions.node}`

const LATER = ['backup', 'restore', 'console']

/** Runs one command line (without the program's name) and gives its exit code: 0 done, 1 input or state wrong, 2 usage. */
export async function run(args: readonly string[], world: World): Promise<number> {
  try {
    await makeProgram(world).parseAsync(args, { from: 'user' })
    return DONE
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : USAGE
    if (!(error instanceof PlainError)) throw error
    world.err(`${error.message}\n`)
    return WRONG
  }
}

function makeProgram(world: World): Command {
  const program = new Command('restante')
    .description('Keeps instant messages for people who are away and hands them over when they come back.')
    .exitOverride()
    .configureOutput({ writeOut: world.out, writeErr: world.err })
    .showHelpAfterError(`(${COMMAND} --help lists the commands)`)
    .version(VERSIONS, '--version', 'the version of the program and of its runtime')
  addServing(program, world)
  addUsers(program, world)
  addQueue(program, world)
  for (const name of LATER) addLater(program, name)
  return program
}

const withConfig = (command: Command): Command =>
  command.option('--config <file>', 'default: ./restante.toml, else /etc/restante/restante.toml')

function addServing(program: Command, world: World): void {
  withConfig(program.command('serve'))
    .description('run in the foreground until SIGTERM or SIGINT')
    .addOption(program.createOption('--first-accounts <users>').hideHelp())
    .action(async (options: ServeCommandOptions) => (await import('./serve.ts')).serve(world, options))
  withConfig(program.command('check'))
    .description('validate the configuration; changes nothing')
    .action((options: { config?: string }) => {
      const { file } = readConfig(options.config)
      world.out(`${file}: no errors\n`)
    })
  withConfig(program.command('version'))
    .description('the version of the program and of its runtime')
    .action(() => world.out(`${VERSIONS}\n`))
}

function addUsers(program: Command, world: World): void {
  const user = program.command('user').description('accounts')
  const withPassword = (command: Command): Command =>
    withConfig(command)
      .option('--password-stdin', 'the password is the first line of the input')
      .option('--algorithms <list>', 'digest algorithms offered to this account, e.g. SHA-256,MD5', algorithmsOf)
  withPassword(user.command('add <aor>'))
    .description('make an account; without a password given one is made and shown once')
    .action((aor: string, options: PasswordOptions) => addUser(world, aor, options))
  withConfig(user.command('list'))
    .description('what accounts there are')
    .option('--json', 'as JSON')
    .action(options => listUsers(world, options))
  withConfig(user.command('remove <aor>'))
    .description('remove an account with its registrations and waiting messages')
    .action((aor: string, options) => removeUser(world, aor, options))
  withPassword(user.command('password <aor>'))
    .description('give an account a new password')
    .action((aor: string, options: PasswordOptions) => changePassword(world, aor, options))
}

function addQueue(program: Command, world: World): void {
  withConfig(program.command('queue [aor]'))
    .description('waiting messages: count, bytes, oldest; with an address one line each')
    .option('--json', 'as JSON')
    .action((aor: string | undefined, options) => showQueue(world, aor, options))
  withConfig(program.command('trace <id>'))
    .description('the life story of a message by store id, Call-ID or MSRP Message-ID')
    .option('--json', 'as JSON')
    .action((id: string, options) => showTrace(world, id, options))
}

function addLater(program: Command, name: string): void {
  program
    .command(name, { hidden: true })
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new PlainError(`${name}: not in this release.`)
    })
}

function algorithmsOf(text: string): DigestAlgorithm[] {
  const names = [...new Set(text.split(',').map(name => name.trim().toUpperCase()))]
  for (const name of names)
    if (name !== 'MD5' && name !== 'SHA-256') throw new InvalidArgumentError('Allowed: MD5, SHA-256.')
  return names as DigestAlgorithm[]
}
