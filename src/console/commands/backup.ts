import type { BackupService, BoxContents, CheckedBackup, ConfigurationChoice } from '../../services/backup.ts'
import { CONFIGURATION_CHOICES } from '../../services/backup.ts'
import type { JobService } from '../../services/jobs.ts'
import { bytesText, counted, timeText } from '../ascii.ts'
import { type Args, type Command, type Context, commandsOf, partOf, Refused, running } from '../command.ts'
import { field } from '../fields.ts'
import { ended, placeFor, TOO_MUCH, written } from './long-work.ts'

async function backup(context: Context, args: Args): Promise<void> {
  const { report, askHidden } = context
  const { queue, backups } = running(context.box)
  if (!backups) throw new Refused('Whoever started this box cannot have it backed up from here.')
  // What waits is in it whole.
  const { bytes: leastBytes } = await queue.totals()
  const path = await placeFor(context, args.get('FILE')!, leastBytes)
  const passphrase = await askHidden('Passphrase, 10 characters at least: ')
  if ((await askHidden('Once more: ')) !== passphrase) throw new Refused('These were two different ones.')
  const job = backups.backup(passphrase)
  if (job === undefined) throw new Refused(TOO_MUCH)
  if (job === 'weak passphrase') throw new Refused('The passphrase has 10 to 1024 characters.')
  const bytes = await written(context, job, path)
  await report.lines([`Written: ${path}, ${bytesText(bytes)}.`, 'Without the passphrase nobody can read it.'])
}

type Backups = Pick<BackupService, 'upload' | 'check' | 'checked' | 'restore' | 'forget'>

async function restore(context: Context, args: Args): Promise<void> {
  const { box, report, who } = context
  const backups: Backups = partOf(box, 'backups')
  const jobs = partOf(box, 'jobs')
  const file = await partOf(box, 'files').open(args.get('FILE')!, context.signal)
  if ('why' in file) throw new Refused(file.why)
  const passphrase = await context.askHidden('Passphrase of the backup: ')
  const checked = await upload(context, { backups, jobs, file }, passphrase)
  let isConfirmed = false
  try {
    const choice = await choose(context, checked)
    if (choice === undefined) return await report.line('Nothing was done.')
    isConfirmed = true
    const done = backups.restore(checked.id, choice, who.name)
    if (done === 'busy') throw new Refused('A change is on trial, or another restore is under way.')
    if (done === 'configuration') throw new Refused('The configuration of that choice cannot be served here.')
    if (done === 'gone') throw new Refused('Something else was uploaded meanwhile. Begin anew.')
    await report.line('The box stops, and starts as the backup has it.')
  } finally {
    if (!isConfirmed) await backups.forget()
  }
}

interface Uploading {
  readonly backups: Backups
  readonly jobs: JobService
  readonly file: { readonly bytes: number; readonly pieces: AsyncIterable<Buffer> }
}

async function upload(
  context: Context,
  { backups, jobs, file }: Uploading,
  passphrase: string,
): Promise<CheckedBackup> {
  const { report, signal } = context
  const taken = await backups.upload(file.bytes)
  try {
    for await (const piece of file.pieces) {
      if (signal.aborted) throw new Refused('It was ended.')
      await taken.write(piece)
    }
    await taken.end()
  } catch (error) {
    await taken.drop()
    throw error
  }
  await report.line(`${bytesText(file.bytes)} read; it is checked as a whole, nothing is touched yet.`)
  const job = backups.check(taken, passphrase)
  if (!job) {
    await taken.drop()
    throw new Refused(TOO_MUCH)
  }
  await ended(context, jobs, job)
  const checked = backups.checked()
  if (!checked) throw new Refused('The backup is gone. Try again.')
  return checked
}

const contentsLines = (title: string, contents: BoxContents): string[] => [
  title,
  field('  Box', `${contents.hostname}, domain ${contents.domain}`),
  ...(contents.trouble === undefined
    ? [
        field('  Accounts', contents.accounts),
        field('  Waiting', `${counted(contents.waiting, 'message')}, ${bytesText(contents.waitingBytes)}`),
      ]
    : [field('  Not known', contents.trouble)]),
]

async function choose({ report, ask }: Context, checked: CheckedBackup): Promise<ConfigurationChoice | undefined> {
  await report.lines([
    ...contentsLines(`In the backup of ${timeText(checked.createdAt)}, made by ${checked.version}:`, checked.contents),
    ...contentsLines('Here, to be put aside:', checked.here),
    'Configuration: backup (all of it), listeners (but those of this box), here',
    ...CONFIGURATION_CHOICES.flatMap(name => {
      const { errors, missing } = checked.choices[name]
      const whys = [...errors, ...missing.map(each => `this machine does not have ${each}`)]
      return whys.map(why => `  ${name}: ${why}`)
    }),
  ])
  const choice = await chosen(ask)
  if (!choice) return undefined
  const { hostname } = checked.contents
  await report.line(`The box in the backup is ${hostname}.`)
  return (await ask('Type its name to go on: ')).trim() === hostname ? choice : undefined
}

/** Asked until it is one of them; Enter alone leaves. */
async function chosen(ask: Context['ask']): Promise<ConfigurationChoice | undefined> {
  for (;;) {
    const typed = (await ask('Which? [backup/listeners/here] ')).trim()
    const choice = CONFIGURATION_CHOICES.find(name => name === typed)
    if (choice || typed === '') return choice
  }
}

const FILE = { help: 'path, e.g. /media/stick/box.age' }

export const backupCommands: readonly Command[] = commandsOf('enabled', [
  { syntax: 'backup FILE', help: 'all of the box into a file that is locked', params: { FILE }, run: backup },
  {
    syntax: 'restore FILE',
    help: 'the box as a backup has it; checks and asks first',
    isReduced: true,
    params: { FILE },
    run: restore,
  },
])
