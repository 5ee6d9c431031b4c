import type { Device, UserRefusal, UserRow } from '../../services/users.ts'
import { bytesText, isoText, timeText } from '../ascii.ts'
import { type Args, type Command, type Context, commandsOf, Refused, running } from '../command.ts'
import { field, forPrograms, PAGE_ROWS, paged, yesNo } from '../fields.ts'
import { newPassword } from '../login.ts'
import type { ConsoleBox } from '../services.ts'

/** As the store has it. A stopped box takes what it is given, and finds nothing for what nobody is called. */
export function aorOf(box: ConsoleBox, text: string): string {
  if ('reduced' in box) {
    const address = text.replace(/^sip:/, '')
    return `sip:${address.includes('@') ? address : `${address}@${box.domain}`}`
  }
  const aor = box.users.aorOf(text)
  if (aor === undefined) throw new Refused(`This is no address of ${box.domain}. Give alice, or alice@${box.domain}.`)
  return aor
}

const USER_WORDS: Readonly<Record<UserRefusal, string>> = {
  exists: 'There is an account of that name already.',
  unknown: 'There is no such account. "show users" has all.',
  provisioned: 'This account stands in the configuration file under [[user]]. Change it there.',
  'no address': 'This is no address of an account in the domain of this box.',
  'own address': "This is the service's own address.",
  'password empty': 'The password is empty.',
  'password long': 'The password is longer than 256 characters.',
  'password unfit': 'The password has a control character, which clients cannot send.',
}

const rowsOf = (box: ConsoleBox): AsyncGenerator<UserRow> =>
  paged<UserRow>(async after => {
    const found = await running(box).users.list({ ...(after && { after }), limit: PAGE_ROWS })
    return { rows: found.users, next: found.next }
  })

async function listUsers({ box, report }: Context): Promise<void> {
  await report.list({
    name: 'users',
    columns: [
      { title: 'address', width: 38, cell: row => row.aor },
      { title: 'from', width: 5, cell: row => row.origin },
      { title: 'contacts', width: 8, isRight: true, cell: row => `${row.contacts}` },
      { title: 'waiting', width: 7, isRight: true, cell: row => `${row.waiting}` },
      { title: 'bytes', width: 9, isRight: true, cell: row => bytesText(row.waitingBytes) },
    ],
    rows: rowsOf(box),
    json: row => forPrograms(row) as object,
    none: 'There are no accounts. "user add NAME" makes one.',
  })
}

interface Registration extends Device {
  readonly aor: string
}

async function* registrations(box: ConsoleBox, one: string | undefined): AsyncGenerator<Registration> {
  const { users } = running(box)
  for await (const { aor, contacts } of one === undefined ? rowsOf(box) : [{ aor: one, contacts: 1 }]) {
    const view = contacts > 0 ? await users.view(aor) : undefined
    if (one !== undefined && !view) throw new Refused(USER_WORDS.unknown)
    for (const device of view?.devices ?? []) yield { aor, ...device }
  }
}

async function showRegistrations({ box, report }: Context, args: Args): Promise<void> {
  const address = args.get('AOR')
  await report.list({
    name: 'registrations',
    columns: [
      { title: 'address', width: 26, cell: row => row.aor },
      { title: 'from', width: 21, cell: row => row.from },
      { title: 'over', width: 4, cell: row => row.transport },
      { title: 'flow', width: 7, cell: row => row.flow },
      { title: 'until (UTC)', width: 12, cell: row => timeText(row.expiresAt).slice(5, 16).replace('T', ' ') },
    ],
    rows: registrations(box, address === undefined ? undefined : aorOf(box, address)),
    json: row => ({ ...(forPrograms(row) as object), expires_at: isoText(row.expiresAt) }),
    none: 'Nobody is registered.',
  })
}

async function showUser({ box, report }: Context, args: Args): Promise<void> {
  const view = await running(box).users.view(aorOf(box, args.get('AOR')!))
  if (!view) throw new Refused(USER_WORDS.unknown)
  const { waiting, history, devices, settings } = view
  await report.show(forPrograms(view) as object, [
    field('Account', view.aor),
    field('Kept in', view.origin === 'file' ? 'the configuration file' : 'the store'),
    field('Password', yesNo(view.hasPassword)),
    field('Digest', view.algorithms.join(', ')),
    field('Waiting', `${waiting.messages} (${waiting.urgent} urgent), ${bytesText(waiting.bytes)}`),
    field('History', `${history.items}, ${bytesText(history.bytes)}`),
    ...Object.entries(settings.effective).map(([name, value]) => field(name, value === null ? '-' : yesNo(value))),
    ...devices.flatMap(({ contact, from, transport, expiresAt, userAgent = '-' }) => [
      field('Contact', contact),
      `  from ${from} over ${transport}, until ${timeText(expiresAt)}`,
      `  ${userAgent}`,
    ]),
  ])
}

async function addUser({ box, report, askHidden }: Context, args: Args): Promise<void> {
  const { users } = running(box)
  const aor = aorOf(box, args.get('AOR')!)
  const known = await users.view(aor)
  if (known) throw new Refused(USER_WORDS[known.origin === 'file' ? 'provisioned' : 'exists'])
  const password = await askHidden('Password (Enter: one is made): ')
  if (password !== '' && (await askHidden('Once more: ')) !== password)
    throw new Refused('These were two different ones; nothing was added.')
  const done = await users.add(aor, password === '' ? undefined : password)
  if ('refused' in done) throw new Refused(USER_WORDS[done.refused])
  await report.line(`${done.aor} was added.`)
  if (done.password !== undefined) await report.line(`Password, shown this once: ${done.password}`)
}

async function changePassword({ box, report, askHidden }: Context, args: Args): Promise<void> {
  const { users } = running(box)
  const aor = aorOf(box, args.get('AOR')!)
  const password = await newPassword(askHidden)
  const done = await users.changePassword(aor, password)
  if ('refused' in done) throw new Refused(USER_WORDS[done.refused])
  await report.line(`The password of ${done.aor} was changed.`)
}

async function removeUser({ box, report, confirm }: Context, args: Args): Promise<void> {
  const { users } = running(box)
  const aor = aorOf(box, args.get('AOR')!)
  const view = await users.view(aor)
  if (!view) throw new Refused(USER_WORDS.unknown)
  await report.line(`${aor}: ${view.waiting.messages} messages wait, ${view.history.items} items of history.`)
  if (!(await confirm('Remove the account with all of that, for ever?'))) return await report.line('Nothing was done.')
  const done = await users.remove(aor)
  if (done !== 'removed') throw new Refused(USER_WORDS[done])
  await report.line('Removed.')
}

const AOR = { help: 'alice, or alice@example.org' }

export const userCommands: readonly Command[] = [
  ...commandsOf('user', [
    { syntax: 'show users', help: 'accounts, and what waits for them', run: listUsers },
    {
      syntax: 'show registrations [AOR]',
      help: 'who is registered, and from where',
      params: { AOR },
      run: showRegistrations,
    },
  ]),
  ...commandsOf('enabled', [
    { syntax: 'user list', help: 'all accounts', run: listUsers },
    { syntax: 'user show AOR', help: 'all of one account', params: { AOR }, run: showUser },
    { syntax: 'user add AOR', help: 'a new account; the password is asked for', params: { AOR }, run: addUser },
    { syntax: 'user password AOR', help: 'another password', params: { AOR }, run: changePassword },
    { syntax: 'user remove AOR', help: 'removes an account with all it has', params: { AOR }, run: removeUser },
  ]),
]
