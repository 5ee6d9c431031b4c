import { timeText } from '../ascii.ts'
import {
  type Command,
  type Context,
  candidateOwner,
  commandsOf,
  leaveOne,
  partOf,
  Refused,
  running,
} from '../command.ts'

/** Whoever logged in a moment ago is not asked for the password again. */
const PROVEN_MS = 60_000

async function enable({ box, who, shell, line, clock, provenAt, askHidden }: Context): Promise<void> {
  if (shell.isEnabled) return
  if (who.role !== 'admin') throw new Refused(`This is for administrators; your role is ${who.role}.`)
  if (clock.nowMs() - provenAt > PROVEN_MS) {
    const password = await askHidden('Password: ')
    const shown = await partOf(box, 'access').withPassword({ name: who.name, password, from: line.place, agent: '' })
    if (shown.kind === 'wait') throw new Refused(`Too many wrong passwords. Wait ${shown.seconds} s.`)
    if (shown.kind === 'busy') throw new Refused('The box is busy. Try again.')
    if (shown.kind !== 'in') throw new Refused('The password is wrong.')
  }
  shell.isEnabled = true
  box.log.info('console enabled', { name: who.name })
}

async function help({ commands, report }: Context): Promise<void> {
  await report.lines(KEYS)
  for (const { syntax, help } of [...commands].sort((a, b) => (a.syntax < b.syntax ? -1 : 1))) {
    const isLong = syntax.length >= HELP_COLUMN
    if (isLong) await report.line(syntax)
    await report.line((isLong ? '' : syntax).padEnd(HELP_COLUMN) + help, ' '.repeat(HELP_COLUMN))
  }
}

const HELP_COLUMN = 34

const KEYS = [
  '?  what may come next     Tab  completes       Up, Down  earlier lines',
  '^C ends what runs         ^D   leaves          ^R        draws the line anew',
  'Words may be abbreviated. Behind a command: | include TEXT, | exclude TEXT,',
  '| begin TEXT, | count; with what shows or lists something --json.',
  '',
]

async function who({ box, report, line, who: self }: Context): Promise<void> {
  const { access } = running(box)
  await report.list({
    name: 'sessions',
    head: { lines: [`You are ${self.name} (${self.role}) on ${line.name}.`], json: {} },
    columns: [
      { title: 'name', width: 16, cell: row => row.name },
      { title: 'since', width: 20, cell: row => timeText(row.since) },
      { title: 'from', width: 16, cell: row => row.from },
      { title: 'with', width: 20, cell: row => row.agent },
    ],
    rows: access.sessions(),
    json: ({ name, since, from, agent }) => ({ name, since: timeText(since), from, agent }),
    none: 'Nobody.',
  })
}

const leave = (help: string, syntax: string) => ({
  syntax,
  help,
  isReduced: true,
  run: async ({ shell }: Context) => {
    shell.isConfiguring = false
    shell.isLeaving = true
  },
})

async function exit({ shell, box, who, report }: Context): Promise<void> {
  if (shell.isConfiguring && box.configuration?.candidates.of(candidateOwner(who)))
    await report.line('The candidate is not in use, and stays: "configure", then "commit" or "discard".')
  leaveOne(shell)
}

const MONITOR_HELP = { on: 'they are, as at each login', off: 'they are not' }

export const generalCommands: readonly Command[] = commandsOf('user', [
  { syntax: 'help', help: 'keys, and what there is', isReduced: true, run: help },
  { syntax: 'enable', help: 'the commands of administrators, too', isReduced: true, run: enable },
  {
    syntax: 'disable',
    help: 'only what changes nothing, again',
    isReduced: true,
    run: async ({ shell }) => {
      shell.isEnabled = false
    },
  },
  { syntax: 'exit', help: 'one level up; logs out', isReduced: true, run: exit },
  leave('logs out', 'logout'),
  leave('logs out', 'quit'),
  {
    syntax: 'terminal length N',
    help: 'lines of a page; 0: without pages',
    isReduced: true,
    params: { N: { help: 'lines, 0 to 512', range: [0, 512] } },
    run: async ({ shell }, args) => {
      shell.pageLength = Number(args.get('N'))
    },
  },
  {
    syntax: 'terminal monitor on|off',
    help: 'whether alarms are told here as they come',
    isReduced: true,
    params: { 'on|off': { help: 'on unless it is switched off', values: ['on', 'off'], valueHelp: MONITOR_HELP } },
    run: async ({ shell }, args) => {
      shell.isMonitoring = args.get('on|off') === 'on'
    },
  },
  { syntax: 'who', help: 'who is signed in, here and on the page', run: who },
])
