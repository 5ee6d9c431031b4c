import type { Log } from '../../base/log.ts'
import type { AccessRefusal, AccessService, OpenSession, Role, Who } from '../../services/access.ts'
import { Denied } from '../guard.ts'
import { isAllowed } from '../page/visit.ts'

/** What page and API do to the administrators, told to the log with whoever did it. */

export interface AccessDesk {
  readonly access: AccessService
  readonly log: Log
}

export const isRole = (text: unknown): text is Role => text === 'admin' || text === 'operator' || text === 'viewer'

/** A token is nobody: it has no password and no session, whatever its name. */
const isSelf = (who: Who, name: string): boolean => who.by !== 'token' && who.name === name

interface OwnPassword {
  readonly old: string
  readonly fresh: string
  /** Address that it came from. */
  readonly from: string
}

/** The old one is asked for again: whoever finds a browser open does not keep the box. Throws Denied where too many were wrong. */
export async function changeOwnPassword(
  { access, log }: AccessDesk,
  who: Who,
  { old, fresh, from }: OwnPassword,
): Promise<AccessRefusal | undefined> {
  if (who.by === 'token') throw new Denied(403, 'role')
  const checked = await access.withPassword({ name: who.name, password: old, from, agent: '' })
  if (checked.kind === 'wait') throw new Denied(429, 'slowed', checked.seconds)
  if (checked.kind === 'busy') throw new Denied(503, 'busy', 1)
  if (checked.kind === 'wrong') return 'wrong password'
  const refusal = await access.changePassword(who.name, fresh, who.session)
  if (!refusal) log.info('administrator changed their password', { by: who.name })
  return refusal
}

type MadePassword = { readonly password: string } | { readonly refused: AccessRefusal }

/** Without a password one is made. It is told this once. */
export async function addAdministrator(
  { access, log }: AccessDesk,
  who: Who,
  { name, role, password = access.madePassword() }: { name: string; role: Role; password?: string | undefined },
): Promise<MadePassword> {
  const refused = await access.addAdministrator(name, role, password)
  if (refused) return { refused }
  log.info('administrator added', { name, role, by: who.name })
  return { password }
}

/** Of somebody else, who is signed out everywhere by that. */
export async function resetPassword(
  { access, log }: AccessDesk,
  who: Who,
  name: string,
  password = access.madePassword(),
): Promise<MadePassword> {
  const refused = isSelf(who, name) ? 'own account' : await access.changePassword(name, password)
  if (refused) return { refused }
  log.info('password of an administrator reset', { name, by: who.name })
  return { password }
}

export function changeRole({ access, log }: AccessDesk, who: Who, name: string, role: Role): AccessRefusal | undefined {
  const refused = isSelf(who, name) ? 'own account' : access.changeRole(name, role)
  if (!refused) log.info('role of an administrator changed', { name, role, by: who.name })
  return refused
}

export function removeAdministrator({ access, log }: AccessDesk, who: Who, name: string): AccessRefusal | undefined {
  const refused = isSelf(who, name) ? 'own account' : access.removeAdministrator(name)
  if (!refused) log.info('administrator removed', { name, by: who.name })
  return refused
}

/** Of oneself; of everybody for those who look after everybody. */
export const visibleSessions = ({ access }: AccessDesk, who: Who): readonly OpenSession[] =>
  access.sessions().filter(({ name }) => isSelf(who, name) || isAllowed(who.role, 'admin'))

/** False: there is none that this one may end. */
export function endSession(desk: AccessDesk, who: Who, id: string): boolean {
  const found = visibleSessions(desk, who).find(session => session.id === id)
  if (!found || !desk.access.endSession(id)) return false
  desk.log.info('session ended', { name: found.name, by: who.name })
  return true
}

export function addToken(
  { access, log }: AccessDesk,
  who: Who,
  { name, role, expiresAt }: { name: string; role: Role; expiresAt?: number | undefined },
): { readonly id: string; readonly secret: string } | AccessRefusal {
  const made = access.addToken(name, role, expiresAt)
  if (typeof made === 'object') log.info('token made', { name, role, by: who.name })
  return made
}

export function removeToken({ access, log }: AccessDesk, who: Who, id: string): boolean {
  const found = access.tokens().find(token => token.id === id)
  if (!found || !access.removeToken(id)) return false
  log.info('token removed', { name: found.name, by: who.name })
  return true
}

/** For good, and once more does no harm. Not with the password that was printed, which others may have seen. */
export function finishSetup({ access, log }: AccessDesk, who: Who): AccessRefusal | undefined {
  if (!access.isNew) return undefined
  if (access.hasPrintedPassword) return 'printed password'
  access.finishSetup()
  log.info('the box is set up', { by: who.name })
  return undefined
}
