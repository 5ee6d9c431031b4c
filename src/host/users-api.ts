import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Log } from '../base/log.ts'
import type { Device, PasswordSet, UserRefusal, UserRow, UserService, UserView } from '../services/users.ts'
import type { Guarded } from '../web/guard.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, aorIn, forRole, noSuchUser } from './admin-api.ts'
import { textsOf, wholeIn } from './api-texts.ts'

interface UsersApiOptions {
  readonly guarded: Guarded
  readonly users: UserService
  readonly domain: string
  readonly log: Log
}

const PATH = '/api/v1/users'
const USER = `${PATH}/:aor`

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 500

interface OfUser {
  Params: { aor: string }
}

/** Accounts, what is registered for them, and their passwords. */
export const usersApi = (options: UsersApiOptions): FastifyPluginAsync =>
  adminApi(options, app => {
    const { users, domain } = options
    app.get(PATH, forRole('viewer'), async ({ query }, reply) => {
      const { search, after, limit } = textsOf(query, ['search', 'after', 'limit'])
      const page = await users.list({
        ...(search !== undefined && { search }),
        ...(after !== undefined && { after }),
        limit: wholeIn('limit', limit, LIMIT_DEFAULT, 1, LIMIT_MAX),
      })
      const { accounts, contacts } = page
      return plainly(reply).send({ users: page.users.map(rowView), next: page.next ?? null, accounts, contacts })
    })
    app.post(PATH, forRole('operator'), async ({ body }, reply) => {
      const { aor, password } = textsOf(body ?? {}, ['aor', 'password'])
      if (aor === undefined) throw new Problem(422, 'aor: the address of the new account is missing.')
      const made = ofPassword(await users.add(aor, password), aor)
      return plainly(reply)
        .code(201)
        .header('location', `${PATH}/${encodeURIComponent(made.aor)}`)
        .send(made)
    })
    app.get<OfUser>(USER, forRole('viewer'), async ({ params }, reply) =>
      plainly(reply).send(userView(await userOf(users, params.aor, domain))),
    )
    app.delete<OfUser>(USER, forRole('operator'), async ({ params }, reply) => {
      const aor = aorIn(params.aor, domain)
      const removed = await users.remove(aor)
      if (removed !== 'removed') throw refusal(removed, aor)
      return plainly(reply).code(204).send()
    })
    app.post<OfUser>(`${USER}/password`, forRole('operator'), async ({ params, body }, reply) => {
      const aor = aorIn(params.aor, domain)
      const { password } = textsOf(body ?? {}, ['password'])
      return plainly(reply).send(ofPassword(await users.changePassword(aor, password), aor))
    })
    app.get<OfUser>(`${USER}/bindings`, forRole('viewer'), async ({ params }, reply) => {
      const { aor, devices } = await userOf(users, params.aor, domain)
      return plainly(reply).send({ aor, bindings: devices.map(deviceView) })
    })
    app.post<OfUser>(`${USER}/provisioning`, forRole('operator'), async ({ params }, reply) => {
      const aor = aorIn(params.aor, domain)
      const made = await users.provision(aor)
      if (!made) throw noSuchUser(aor)
      return plainly(reply)
        .code(201)
        .send({ aor, path: `/provisioning/${made.token}`, minutes: made.minutes })
    })
  })

const plainly = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')

async function userOf(users: UserService, text: string, domain: string): Promise<UserView> {
  const aor = aorIn(text, domain)
  const user = await users.view(aor)
  if (!user) throw noSuchUser(aor)
  return user
}

function ofPassword(set: PasswordSet, aor: string): { aor: string; password: string | null } {
  if ('refused' in set) throw refusal(set.refused, aor)
  return { aor: set.aor, password: set.password ?? null }
}

function refusal(why: UserRefusal, aor: string): Problem {
  switch (why) {
    case 'unknown':
      return noSuchUser(aor)
    case 'exists':
      return new Problem(409, 'There is an account of that address already.')
    case 'provisioned':
      return new Problem(409, 'The account stands in the configuration file under [[user]]. Change it there.')
    case 'no address':
      return new Problem(
        422,
        'aor: no address of an account in the domain of this box. Allowed: alice, or sip:alice@DOMAIN.',
      )
    case 'own address':
      return new Problem(422, "aor: the service's own address (history.uri, history.deferred_uri).")
    case 'password empty':
      return new Problem(422, 'password: it is empty. Leave it out, and one is made.')
    case 'password long':
      return new Problem(422, 'password: it is longer than 256 characters.')
    case 'password unfit':
      return new Problem(422, 'password: it has a control character, which clients cannot send.')
  }
}

const timeText = (at: number): string => new Date(at).toISOString()

const rowView = ({ aor, origin, contacts, waiting, waitingBytes }: UserRow) => ({
  aor,
  origin,
  contacts,
  waiting,
  waiting_bytes: waitingBytes,
})

const userView = ({ aor, origin, hasPassword, algorithms, devices, waiting, history, settings }: UserView) => ({
  aor,
  origin,
  has_password: hasPassword,
  algorithms,
  bindings: devices.map(deviceView),
  waiting,
  history,
  settings: settings.effective,
})

const deviceView = (device: Device) => ({
  contact: device.contact,
  transport: device.transport,
  from: device.from,
  flow: device.flow,
  features: device.features,
  instant_messaging: device.isInstantMessaging,
  instance: device.instance ?? null,
  q: device.q / 1000,
  path: device.path,
  user_agent: device.userAgent ?? null,
  registered: timeText(device.registeredAt),
  expires: timeText(device.expiresAt),
})
