import type { AccessRefusal, AccessService, Who } from '../services/access.ts'
import { ascii, promptName } from './ascii.ts'
import { partOf, Refused } from './command.ts'
import type { ConsoleClock, ConsoleLine } from './options.ts'
import type { ConsoleBox } from './services.ts'
import { Interrupted, type Terminal } from './terminal.ts'

/** Half a login is nobody's. */
const PASSWORD_IDLE_MS = 60_000

export interface SignedIn {
  readonly who: Who
  readonly cookie: string
  /** By the clock that never jumps. */
  readonly at: number
}

type Chooser = Pick<AccessService, 'changePassword'>

interface LoginParts {
  readonly terminal: Terminal
  readonly box: () => ConsoleBox
  readonly line: ConsoleLine
  readonly clock: ConsoleClock
}

/** Until somebody is in. Undefined: ^D, whoever was there leaves. */
export async function login(parts: LoginParts): Promise<SignedIn | undefined> {
  const { terminal, box, line } = parts
  for (;;) {
    terminal.idleAfter(0)
    try {
      const read = await terminal.readLine({ prompt: `${promptName(box().hostname)} login: `, isNoticed: true })
      if (read.kind === 'over') {
        if (!line.isPhysical) return undefined
        continue
      }
      const name = read.text.trim()
      if (name === '') continue
      terminal.idleAfter(PASSWORD_IDLE_MS)
      if (name === 'recover') await recover(parts)
      else {
        const signedIn = await withPassword(parts, name)
        if (signedIn) return signedIn
      }
    } catch (error) {
      if (error instanceof Refused) await terminal.line(`% ${error.message}`)
      else if (!(error instanceof Interrupted)) throw error
    }
  }
}

async function withPassword({ terminal, box, line, clock }: LoginParts, name: string): Promise<SignedIn | undefined> {
  const password = await hiddenLine(terminal, 'Password: ')
  const access = partOf(box(), 'access')
  const signedIn = await access.signIn({ name, password, from: line.place, agent: line.name })
  if (signedIn.kind === 'in') return { who: signedIn.who, cookie: signedIn.cookie, at: clock.nowMs() }
  if (signedIn.kind === 'wait')
    throw new Refused(`Too many wrong passwords. Wait ${signedIn.seconds} s, then try again.`)
  if (signedIn.kind === 'busy') throw new Refused('The box is busy with other logins or is starting. Try again.')
  throw new Refused('Name and password do not belong together.')
}

export async function hiddenLine(terminal: Terminal, prompt: string, signal?: AbortSignal): Promise<string> {
  const read = await terminal.readLine({ prompt, isHidden: true }, signal)
  if (read.kind === 'over') throw new Interrupted()
  return read.text
}

/** A password typed twice; an empty one is none. */
export async function newPassword(ask: (prompt: string) => Promise<string>): Promise<string> {
  const password = await ask('New password: ')
  if (password === '') throw new Refused('No password was given; nothing was changed.')
  if ((await ask('Once more: ')) !== password) throw new Refused('These were two different ones; nothing was changed.')
  return password
}

export const ACCESS_WORDS: Readonly<Record<AccessRefusal, string>> = {
  'name taken': 'There is somebody of that name already.',
  'name unfit': 'A name has 1 to 32 small letters, digits, ".", "_" and "-", and begins with a letter.',
  'password short': 'A password has at least 10 characters.',
  'password long': 'A password has at most 256 characters.',
  'password common': 'This is one of the first that are tried, or holds the name. Choose another.',
  'last administrator': 'One administrator has to stay.',
  'too many': 'There are as many as there may be.',
  unknown: 'There is nobody of that name.',
  'wrong password': 'The password is wrong.',
  'own account': 'Another administrator has to do that.',
  'printed password': 'The password that was printed has to be replaced first: administrator password admin.',
}

/** Of `admin`, by whoever stands before the box: on its own line, and shown so by a button or by switching it on. */
async function recover({ terminal, box, line }: LoginParts): Promise<void> {
  if (!line.isPhysical) throw new Refused('A password is recovered on the serial line of the box alone.')
  const diagnosis = partOf(box(), 'diagnosis')
  if ((await diagnosis.presenceLeftS()) > 0) {
    const sure = 'Give admin another password? Everybody who is signed in is signed out. [y/n] '
    const read = await terminal.readLine({ prompt: sure })
    if (read.kind === 'over' || !/^y(es)?$/i.test(read.text.trim())) return await terminal.line('Nothing was done.')
  }
  const done = await diagnosis.recoverPassword(line.name)
  if ('refused' in done) throw new Refused(done.refused)
  await terminal.line(`Password of admin, shown this once: ${done.password}`)
  await terminal.line('Log in with it, then: enable, administrator password admin.')
}

/** What the first who comes in has to do: replace the password that was printed. */
export async function firstRun({ terminal, box: boxOf }: LoginParts, { who }: SignedIn): Promise<void> {
  const box = boxOf()
  const access = partOf(box, 'access')
  if (!access.isNew) return
  if (access.hasPrintedPassword && who.name === 'admin') {
    await terminal.line('This box is not set up yet. Choose a password of your own for admin.')
    while (!(await isReplaced(terminal, access, who.session))) await terminal.line('Choose another, or leave with ^C.')
    await terminal.line('From now on the printed one opens nothing.')
  }
  if (who.role !== 'admin') return
  for (const text of FIRST_STEPS) await terminal.line(text)
}

/** False, and told why, where what was typed cannot be it. */
async function isReplaced(terminal: Terminal, access: Chooser, session: string | undefined): Promise<boolean> {
  try {
    const password = await newPassword(prompt => hiddenLine(terminal, prompt))
    const refusal = await access.changePassword('admin', password, session)
    if (refusal) throw new Refused(ACCESS_WORDS[refusal])
    return true
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    await terminal.line(`% ${error.message}`)
    return false
  }
}

const FIRST_STEPS = [
  'Next: "enable", then "configure" (set domain, hostname, listen...; commit),',
  '"user add NAME" for each user, and "setup finish".',
]

export async function banner({ terminal, box: boxOf, line }: Omit<LoginParts, 'clock'>): Promise<void> {
  const box = boxOf()
  await terminal.line()
  await terminal.line(ascii(`Restante ${box.version}, ${box.hostname}`))
  if ('reduced' in box) await terminal.line(ascii(`Reduced: ${box.reduced}.`))
  // Who sits at its own line has the box in hand, and a new one has nobody else to ask. The first login replaces it.
  else if (line.isPhysical) {
    const password = box.firstPassword?.()
    if (password !== undefined) await terminal.line(ascii(`First start: log in as admin with ${password}`))
  }
}
