import type { Applied, CheckedChange, ConfigValue, ConfigWarning } from '../../services/configuration.ts'
import { type Args, type Command, type Context, candidateOwner, commandsOf, partOf, Refused } from '../command.ts'
import { configView, differenceLines, keyNames, keysNamed, valueText, valueTyped } from './configuration-view.ts'

/** Seconds, as on the page: long enough to sign in again elsewhere, and not to be forgotten. */
const CONFIRM_S: readonly [number, number] = [30, 3600]

const WARNING_WORDS: Readonly<Record<ConfigWarning, string>> = {
  'no page': 'Nobody will reach the page; the console stays.',
  'page is local': 'Only the machine itself will reach the page.',
  'page moves': 'The page moves to another address or port.',
  domain: 'Accounts and messages of the domain before stay, and nobody reaches them.',
  hostname: 'Names in certificates and clients have to follow.',
  'no digest': 'Anybody is who they say.',
  'trusts all': 'auth.trusted_peers holds every address there is.',
  'plain page': 'Passwords of the page can be read on the way.',
}

const ownerOf = ({ who }: Context): string => candidateOwner(who)

const serviceOf = ({ box }: Context) => partOf(box, 'configuration')

const candidateOf = (context: Context) => {
  const { candidates } = serviceOf(context)
  const candidate = candidates.of(ownerOf(context))
  return {
    changes: candidate?.changes ?? new Map<string, ConfigValue>(),
    version: candidate?.version ?? serviceOf(context).view().version,
  }
}

const secretsOf = (context: Context): ReadonlySet<string> =>
  new Set(
    serviceOf(context)
      .view()
      .keys.flatMap(({ key, isSecret }) => (isSecret ? [key] : [])),
  )

/** The key itself; several are an error here. */
function keyOf(context: Context, args: Args) {
  const name = args.get('KEY')!
  const key = serviceOf(context)
    .view()
    .keys.find(each => each.key === name)
  if (!key) throw new Refused(`There is no key ${name}. Tab and "show" have all.`)
  if (key.isFixed) throw new Refused(`${name} is changed in the file alone, while the box stands.`)
  return key
}

function put(context: Context, key: string, value: ConfigValue): void {
  const { changes, version } = candidateOf(context)
  serviceOf(context).candidates.put(ownerOf(context), { version, changes: new Map(changes).set(key, value) })
}

async function set(context: Context, args: Args): Promise<void> {
  const key = keyOf(context, args)
  const text = args.get('VALUE')
  if (key.isSecret) {
    if (text !== undefined) throw new Refused(`A password is not typed in sight: "set ${key.key}" asks for it.`)
    put(context, key.key, await context.askHidden(`${key.key}: `))
  } else if (text === undefined) throw new Refused(`A value is wanted; "no ${key.key}" takes the default.`)
  else put(context, key.key, valueTyped(key, text === '' ? [''] : text.split(' ')))
  await told(context)
}

/** What is wrong with the candidate is told at once; it stays a candidate. */
async function told(context: Context): Promise<void> {
  const checked = serviceOf(context).check(candidateOf(context).changes)
  if ('errors' in checked)
    await context.report.lines([
      ...errorLines(checked.errors),
      'It stays in the candidate: "set" it again, "no KEY" for its default, or "discard" all.',
    ])
}

const errorTexts = (errors: Readonly<Record<string, string>>): string[] =>
  Object.entries(errors).map(([key, why]) => (key === '' ? why : `${key}: ${why}`))

const errorLines = (errors: Readonly<Record<string, string>>): string[] => errorTexts(errors).map(text => `% ${text}`)

async function diff(context: Context): Promise<void> {
  const { changes } = candidateOf(context)
  const secrets = secretsOf(context)
  const checked = serviceOf(context).check(changes)
  if ('differences' in checked) return await context.report.lines(differenceLines(checked.differences, secrets))
  const named = [...changes].map(([key, value]) => `+ ${key} = ${secrets.has(key) ? '(hidden)' : valueText(value)}`)
  await context.report.lines([...named, ...errorLines(checked.errors)])
}

async function check(context: Context): Promise<void> {
  await context.report.lines([...warningLines(context, checkedOf(context)), 'It can be served.'])
}

function checkedOf(context: Context): CheckedChange {
  const checked = serviceOf(context).check(candidateOf(context).changes)
  if ('errors' in checked) throw new Refused(errorTexts(checked.errors).join('\n'))
  return checked
}

/** What is so already is not warned of. */
function warningLines(context: Context, { warnings }: CheckedChange): string[] {
  const now = serviceOf(context).check(new Map())
  const known = 'warnings' in now ? now.warnings : []
  return warnings.filter(each => !known.includes(each)).map(warning => `Warning: ${WARNING_WORDS[warning]}`)
}

async function commit(context: Context, confirmS: number): Promise<void> {
  const { box, report, who, confirm } = context
  const service = serviceOf(context)
  if (confirmS > 0 && 'reduced' in box) throw new Refused('The service is stopped: there is nothing to try it with.')
  const { changes, version } = candidateOf(context)
  const warnings = warningLines(context, checkedOf(context))
  if (warnings.length > 0) {
    await report.lines(warnings)
    if (!(await confirm('Use it all the same?'))) return await report.line('Nothing was done.')
  }
  const applied = service.apply(changes, { version, who: who.name, confirmS })
  if (applied !== 'applying' && applied !== 'nothing') throw new Refused(whyNot(applied))
  service.candidates.drop(ownerOf(context))
  await report.line(applied === 'nothing' ? 'All of that stands already.' : appliedWords(context, confirmS))
}

function appliedWords({ box }: Context, confirmS: number): string {
  if ('reduced' in box) return 'Written. It counts from the next start of the service.'
  if (confirmS === 0) return 'Written. The box starts to serve with it now.'
  return `The box starts to serve with it now; in ${confirmS} s it goes back. "confirm" keeps it.`
}

function whyNot(applied: Exclude<Applied, 'applying' | 'nothing'>): string {
  if (applied === 'conflict') return 'Somebody changed the configuration meanwhile: "discard", and begin anew.'
  if (applied === 'pending') return 'Another change is on trial: "confirm" or "rollback" first.'
  return errorTexts(applied.errors).join('\n')
}

async function confirmTrial(context: Context): Promise<void> {
  const done = serviceOf(context).confirm(context.who.name)
  if (done === 'nothing') throw new Refused('Nothing is on trial.')
  if (done === 'starting') throw new Refused('The box does not serve with it yet. Try again in some seconds.')
  await context.report.line('Kept.')
}

async function rollback(context: Context): Promise<void> {
  if (!serviceOf(context).revert(context.who.name))
    throw new Refused('Nothing is on trial; "discard" drops the candidate.')
  await context.report.line('The box goes back to what was before.')
}

async function showCandidate(context: Context, args: Args): Promise<void> {
  const { changes } = candidateOf(context)
  const names = (args.get('KEY') ?? '').split(' ').filter(name => name !== '')
  const keys = keysNamed(serviceOf(context), names)
  const secrets = secretsOf(context)
  const shown = keys.map(({ key, value }) => {
    const isChanged = changes.has(key)
    const now = isChanged ? changes.get(key) : value
    return { key, isChanged, text: secrets.has(key) ? '(hidden)' : valueText(now) }
  })
  await context.report.show(
    { keys: Object.fromEntries(shown.map(({ key, isChanged, text }) => [key, { value: text, changed: isChanged }])) },
    shown.map(({ key, isChanged, text }) => `${isChanged ? '* ' : '  '}${key} = ${text}`),
  )
}

const KEY = { help: 'e.g. listen.sip_udp, or a table: listen', suggest: keyNames }
const N = { help: `seconds, ${CONFIRM_S[0]} to ${CONFIRM_S[1]}`, range: CONFIRM_S }
const trial = [
  { syntax: 'confirm', help: 'keeps a change that is on trial', isReduced: true, run: confirmTrial },
  { syntax: 'rollback', help: 'takes back a change that is on trial, now', isReduced: true, run: rollback },
]

export const configurationCommands: readonly Command[] = [
  ...commandsOf('user', [
    {
      syntax: 'show config [KEY...]',
      help: 'what the configuration file says, and the defaults',
      role: 'operator',
      isReduced: true,
      params: { KEY },
      run: async ({ box, report }, args) => {
        const { json, lines } = configView(
          box,
          (args.get('KEY') ?? '').split(' ').filter(name => name !== ''),
        )
        await report.show(json, lines)
      },
    },
  ]),
  ...commandsOf('enabled', [
    {
      syntax: 'configure',
      help: 'puts a change of the configuration together',
      isReduced: true,
      run: async context => {
        serviceOf(context)
        context.shell.isConfiguring = true
        const { size } = candidateOf(context).changes
        if (size > 0) await context.report.line(`There is a candidate of yours from before: "diff" shows it.`)
      },
    },
    ...trial,
  ]),
]

export const candidateCommands: readonly Command[] = commandsOf('configure', [
  {
    syntax: 'set KEY [VALUE...]',
    help: 'a value; several with spaces or commas; "" for empty',
    isReduced: true,
    params: { KEY, VALUE: { help: 'the value; of a password none: it is asked for' } },
    isHidden: ['VALUE'],
    run: set,
  },
  {
    syntax: 'no KEY',
    help: 'back to the default',
    isReduced: true,
    params: { KEY },
    run: async (context, args) => {
      put(context, keyOf(context, args).key, undefined)
      await told(context)
    },
  },
  {
    syntax: 'show [KEY...]',
    help: 'the configuration with the candidate; * is changed',
    isReduced: true,
    params: { KEY },
    run: showCandidate,
  },
  { syntax: 'diff', help: 'what the candidate changes', isReduced: true, run: diff },
  { syntax: 'check', help: 'whether it could be served; nothing is done', isReduced: true, run: check },
  { syntax: 'commit', help: 'serves with it, for good', isReduced: true, run: context => commit(context, 0) },
  {
    syntax: 'commit confirmed N',
    help: 'serves with it; back in N seconds unless confirmed',
    params: { N },
    run: (context, args) => commit(context, Number(args.get('N'))),
  },
  ...trial,
  {
    syntax: 'discard',
    help: 'drops the candidate',
    isReduced: true,
    run: async context => {
      serviceOf(context).candidates.drop(ownerOf(context))
      await context.report.line('Dropped.')
    },
  },
])
