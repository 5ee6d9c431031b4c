import { timeText } from '../ascii.ts'
import { type Args, type Command, type Context, commandsOf, partOf, Refused, running } from '../command.ts'
import { ACCESS_WORDS, newPassword } from '../login.ts'
import type { ConsoleBox } from '../services.ts'

const names = (box: ConsoleBox): readonly string[] => box.access?.administrators().map(({ name }) => name) ?? []

async function changePassword({ box, who, report, askHidden }: Context, args: Args): Promise<void> {
  const access = partOf(box, 'access')
  const name = args.get('NAME')!
  if (!names(box).includes(name)) throw new Refused(ACCESS_WORDS.unknown)
  const password = await newPassword(askHidden)
  const refusal = await access.changePassword(name, password, who.session)
  if (refusal) throw new Refused(ACCESS_WORDS[refusal])
  await report.line(`The password of ${name} was changed; everybody else signed in by that name is signed out.`)
}

async function list({ box, report }: Context): Promise<void> {
  await report.list({
    name: 'administrators',
    columns: [
      { title: 'name', width: 34, cell: row => row.name },
      { title: 'role', width: 10, cell: row => row.role },
      { title: 'changed', width: 20, cell: row => timeText(row.changedAt) },
    ],
    rows: partOf(box, 'access').administrators(),
    json: ({ name, role, changedAt }) => ({ name, role, changed: timeText(changedAt) }),
    none: 'There are none.',
  })
}

/** The first run is over: the page is no wizard any more. */
async function finishSetup({ box, report }: Context): Promise<void> {
  const { access } = running(box)
  if (!access.isNew) throw new Refused('The first run is over already.')
  if (access.hasPrintedPassword) throw new Refused(ACCESS_WORDS['printed password'])
  access.finishSetup()
  await report.line('Done. The page asks for nothing more.')
}

export const administratorCommands: readonly Command[] = commandsOf('enabled', [
  { syntax: 'administrator list', help: 'who may sign in here and on the page', isReduced: true, run: list },
  {
    syntax: 'administrator password NAME',
    help: 'another password',
    isReduced: true,
    params: { NAME: { help: 'e.g. admin', suggest: names } },
    run: changePassword,
  },
  { syntax: 'setup finish', help: 'ends the first run, for good', run: finishSetup },
])
