import type { ResetLevel } from '../../services/diagnosis.ts'
import type { TimeRefusal } from '../../services/time.ts'
import { timeText } from '../ascii.ts'
import { type Args, type Command, type Context, commandsOf, partOf, Refused } from '../command.ts'

async function reload({ box, who, report, confirm }: Context, args: Args): Promise<void> {
  const what = args.has('machine') ? 'machine' : 'service'
  if (!(await confirm(`Restart the ${what}?`))) return await report.line('Nothing was done.')
  const why = await partOf(box, 'diagnosis').reload(what, who.name)
  if (why !== undefined) throw new Refused(why)
  await report.line(`The ${what} restarts. Nothing that was accepted is lost.`)
}

const RESET_WORDS: Readonly<Record<ResetLevel, string>> = {
  config: 'Configuration and administrators go; users, messages, histories and the certificate stay.',
  full: 'EVERYTHING GOES: users, messages that wait, histories, certificates, the configuration.',
}

const NOT_KNOWN = 'The configuration STAYS: what this box was shipped with is not known here.'

/** Of a box that was started with one file and nothing beside it. */
const NOT_SHIPPED_WORDS: Readonly<Record<ResetLevel, string>> = {
  config: `Administrators go; users, messages, histories and the certificate stay. ${NOT_KNOWN}`,
  full: `${NOT_KNOWN} EVERYTHING ELSE GOES: users, messages that wait, histories, certificates, administrators.`,
}

const RESET_HELP: Readonly<Record<ResetLevel, string>> = {
  config: 'configuration and administrators go, all else stays',
  full: 'everything goes',
}

async function factoryReset({ box, who, report, ask }: Context, args: Args): Promise<void> {
  const level = args.get('config|full') as ResetLevel
  const diagnosis = partOf(box, 'diagnosis')
  const words = diagnosis.isShippedKnown === false ? NOT_SHIPPED_WORDS : RESET_WORDS
  await report.line(words[level])
  if ((await ask(`Type the name of this box (${box.hostname}) to go on: `)).trim() !== box.hostname)
    return await report.line('Nothing was done.')
  const why = await diagnosis.factoryReset(level, who.name)
  if (why !== undefined) throw new Refused(why)
  await report.line('It is done at the next start, which is now.')
}

function whyNotSet(refusal: TimeRefusal): string {
  if (refusal.kind === 'not permitted') return 'The box may not set the clock of this machine.'
  if (refusal.kind === 'out of range') return 'No box can be in that time.'
  if (refusal.kind === 'failed') return refusal.why
  return 'That is more than a day ahead: what waits would expire.'
}

const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)Z?$/

async function setClock({ box, who, report, confirm }: Context, args: Args): Promise<void> {
  const time = partOf(box, 'time')
  const [, day, clock] = TIME.exec(args.get('TIME')!) ?? []
  const wall = day === undefined ? Number.NaN : Date.parse(`${day}T${clock}Z`)
  if (Number.isNaN(wall)) throw new Refused('A time in UTC is wanted: 2030-01-31T12:00:00.')
  let refusal = await time.set(wall, { who: who.name, isAheadMeant: false })
  if (refusal?.kind === 'far ahead') {
    await report.line('More than a day ahead of a clock that is trusted: what waits may expire.')
    if (!(await confirm('Set it all the same?'))) return await report.line('Nothing was done.')
    refusal = await time.set(wall, { who: who.name, isAheadMeant: true })
  }
  if (refusal) throw new Refused(whyNotSet(refusal))
  await report.line(`The clock is set: ${timeText(wall)}.`)
}

export const machineCommands: readonly Command[] = commandsOf('enabled', [
  {
    syntax: 'reload [machine]',
    help: 'restarts the service, or the machine; asks first',
    isReduced: true,
    params: { machine: { help: 'all of it, not only the service' } },
    run: reload,
  },
  {
    syntax: 'factory-reset config|full',
    help: 'as the box came; asks for its name first',
    isReduced: true,
    params: { 'config|full': { help: 'how much goes', values: ['config', 'full'], valueHelp: RESET_HELP } },
    run: factoryReset,
  },
  {
    syntax: 'clock set TIME...',
    help: 'the time, in UTC',
    isReduced: true,
    params: { TIME: { help: 'e.g. 2030-01-31T12:00:00' } },
    run: setClock,
  },
])
