import { Readable } from 'node:stream'
import t from 'tap'
import { EchoEngine } from '../testing/echo-engine.ts'
import { HostStore } from '../testing/host-store.ts'
import { run } from './program.ts'

const restante = async (line: string) => {
  const told = { out: '', err: '' }
  const code = await run(line.split(' '), {
    makeEngine: async () => new EchoEngine(),
    openStore: async () => new HostStore(),
    stdin: Readable.from([]),
    out: text => {
      told.out += text
    },
    err: text => {
      told.err += text
    },
  })
  return { code, ...told }
}

const COMMANDS = ['serve', 'check', 'version', 'user', 'user add', 'user list', 'user remove', 'user password', 'queue']
const HISTORY = ['history', 'history show', 'history export', 'history erase', 'history owners']

t.test('each command tells its purpose, arguments, options, an example and its exit codes', async t => {
  for (const words of [...COMMANDS, ...HISTORY, 'trace']) {
    const help = await restante(`${words} --help`)
    t.match(help, { code: 0, err: '' })
    const usage = new RegExp(
      `^Usage: restante ${words} .*\\n\\n[A-Z][^]+\\nOptions:\\n[^]+\\nExample:\\n.*restante ${words}`,
    )
    t.match(help.out, usage, words)
    t.match(help.out, /\nExit codes:\n {2}0 {2}done\n( {2}1 .+\n)? {2}2 {2}/)
    t.same(await restante(`help ${words}`), help, `help ${words}`)
  }
  for (const words of ['user add', 'user remove', 'user password', 'queue', 'trace', ...HISTORY.slice(0, 4)])
    t.match((await restante(`${words} --help`)).out, /\nArguments:\n {2}(aor|id) /)
  t.same(await restante('help'), await restante('--help'))
})

t.test('what is not known is told with what was probably meant, and where help is; exit code 2', async t => {
  const wrong = async (line: string, err: RegExp) => t.match(await restante(line), { code: 2, out: '', err }, line)
  await wrong('chek', /unknown command 'chek'\n\(Did you mean check\?\)\n\(.*restante --help lists the commands\)\n$/)
  await wrong('user ad x', /\(Did you mean add\?\)\n\(.*restante user --help lists the commands\)\n$/)
  await wrong('help usr', /\(Did you mean user\?\)/)
  await wrong('help user zzzzz', /unknown command 'zzzzz'/)
  await wrong(
    'check --confg x',
    /unknown option '--confg'\n\(Did you mean --config\?\)\n\(.*restante check --help shows/,
  )
  await wrong('user add x --passwrd', /\(Did you mean --password-stdin\?\)/)
  await wrong('queue --verbose', /\(Options here: --config, --json, --help\)/)
  await wrong('queue --\x1b[2J', /unknown option '--\\u001b\[2J'/)
})
