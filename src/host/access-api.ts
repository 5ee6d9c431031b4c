import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Log } from '../base/log.ts'
import type { AccessRefusal, AccessService, Token } from '../services/access.ts'
import {
  type AccessDesk,
  addAdministrator,
  addToken,
  changeOwnPassword,
  changeRole,
  endSession,
  finishSetup,
  removeAdministrator,
  removeToken,
  resetPassword,
  visibleSessions,
} from '../web/access/operations.ts'
import { addressOf, type Guarded, needs } from '../web/guard.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, forRole } from './admin-api.ts'

interface AccessApiOptions {
  readonly guarded: Guarded
  readonly log: Log
}

const PATH = '/api/v1'

const closed = { additionalProperties: false }
const role = Type.Enum(['admin', 'operator', 'viewer'])
/** Bounds of what is looked at; what is fit says the service, in words. */
const password = Type.String({ maxLength: 1024 })
const name = Type.String({ maxLength: 200 })
const NewAdministrator = Type.Object({ name, role, password: Type.Optional(password) }, closed)
const NewPassword = Type.Object({ password: Type.Optional(password) }, closed)
const NewRole = Type.Object({ role }, closed)
const OwnPassword = Type.Object({ old: password, new: password }, closed)
const NewToken = Type.Object(
  { name, role, expires: Type.Optional(Type.Union([Type.String({ maxLength: 40 }), Type.Null()])) },
  closed,
)

/** Administrators, their sessions and tokens, one's own password, and the end of the first run. */
export const accessApi = (options: AccessApiOptions): FastifyPluginAsync =>
  adminApi(options, app => {
    const desk = { access: options.guarded.access, log: options.log }
    own(app, desk)
    administrators(app, desk)
    tokens(app, desk)
    setup(app, desk)
  })

function own(app: FastifyInstance, desk: AccessDesk): void {
  app.put<{ Body: Static<typeof OwnPassword> }>(
    `${PATH}/password`,
    { ...forRole('viewer'), schema: { body: OwnPassword } },
    async (request, reply) => {
      const { old, new: fresh } = request.body
      const asked = { old, fresh, from: addressOf(request) }
      orProblem(await changeOwnPassword(desk, needs(request, 'viewer'), asked))
      return done(reply)
    },
  )
  app.get(`${PATH}/sessions`, forRole('viewer'), async (request, reply) => {
    const who = needs(request, 'viewer')
    const sessions = visibleSessions(desk, who).map(({ since, seen, ...session }) => ({
      ...session,
      since: rfc3339(since),
      seen: rfc3339(seen),
      is_this: session.id === who.session,
    }))
    return plainly(reply).send({ sessions })
  })
  app.delete<{ Params: { id: string } }>(`${PATH}/sessions/:id`, forRole('viewer'), async (request, reply) => {
    if (!endSession(desk, needs(request, 'viewer'), request.params.id))
      throw new Problem(404, 'There is no such session.')
    return done(reply)
  })
}

function administrators(app: FastifyInstance, desk: AccessDesk): void {
  const path = `${PATH}/administrators`
  app.get(path, async (_request, reply) => {
    const list = desk.access.administrators()
    return plainly(reply).send({
      administrators: list.map(each => ({ name: each.name, role: each.role, changed: rfc3339(each.changedAt) })),
    })
  })
  app.post<{ Body: Static<typeof NewAdministrator> }>(
    path,
    { schema: { body: NewAdministrator } },
    async (request, reply) => {
      const made = await addAdministrator(desk, needs(request, 'admin'), request.body)
      if ('refused' in made) return orProblem(made.refused)
      const { name, role } = request.body
      return plainly(reply)
        .code(201)
        .header('location', `${path}/${name}`)
        .send({ name, role, ...(request.body.password === undefined && made) })
    },
  )
  app.put<{ Params: { name: string }; Body: Static<typeof NewRole> }>(
    `${path}/:name/role`,
    { schema: { body: NewRole } },
    async (request, reply) => {
      orProblem(changeRole(desk, needs(request, 'admin'), request.params.name, request.body.role))
      return done(reply)
    },
  )
  app.put<{ Params: { name: string }; Body: Static<typeof NewPassword> }>(
    `${path}/:name/password`,
    { schema: { body: NewPassword } },
    async (request, reply) => {
      const given = request.body.password
      const made = await resetPassword(desk, needs(request, 'admin'), request.params.name, given)
      if ('refused' in made) return orProblem(made.refused)
      return given === undefined ? plainly(reply).send(made) : done(reply)
    },
  )
  app.delete<{ Params: { name: string } }>(`${path}/:name`, async (request, reply) => {
    orProblem(removeAdministrator(desk, needs(request, 'admin'), request.params.name))
    return done(reply)
  })
}

function tokens(app: FastifyInstance, desk: AccessDesk): void {
  const path = `${PATH}/tokens`
  app.get(path, async (_request, reply) => plainly(reply).send({ tokens: desk.access.tokens().map(tokenView) }))
  app.post<{ Body: Static<typeof NewToken> }>(path, { schema: { body: NewToken } }, async (request, reply) => {
    const { name, role, expires } = request.body
    const expiresAt = expires == null ? undefined : Date.parse(expires)
    if (Number.isNaN(expiresAt)) throw new Problem(422, 'expires: a time like "2031-01-31T00:00:00Z", or null.')
    const made = addToken(desk, needs(request, 'admin'), { name, role, expiresAt })
    if (typeof made === 'string') return orProblem(made)
    return plainly(reply)
      .code(201)
      .header('location', `${path}/${made.id}`)
      .send({ ...made, name, role, expires: expiresAt === undefined ? null : rfc3339(expiresAt) })
  })
  app.delete<{ Params: { id: string } }>(`${path}/:id`, async (request, reply) => {
    if (!removeToken(desk, needs(request, 'admin'), request.params.id))
      throw new Problem(404, 'There is no such token.')
    return done(reply)
  })
}

function setup(app: FastifyInstance, desk: AccessDesk): void {
  app.get(`${PATH}/setup`, async (_request, reply) => plainly(reply).send(setupView(desk.access)))
  app.post(`${PATH}/setup/finish`, async (request, reply) => {
    orProblem(finishSetup(desk, needs(request, 'admin')))
    return plainly(reply).send(setupView(desk.access))
  })
}

const setupView = ({ isNew, hasPrintedPassword }: AccessService) => ({
  is_new: isNew,
  has_printed_password: hasPrintedPassword,
})

const tokenView = ({ id, name, role, createdAt, expiresAt }: Token) => ({
  id,
  name,
  role,
  created: rfc3339(createdAt),
  expires: expiresAt === undefined ? null : rfc3339(expiresAt),
})

const rfc3339 = (at: number): string => new Date(at).toISOString()

const plainly = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')

const done = (reply: FastifyReply): FastifyReply => plainly(reply).code(204).send()

/** A refusal as the status and the sentence that it has over HTTP. */
function orProblem(refusal: AccessRefusal | undefined): undefined {
  if (refusal === undefined) return undefined
  const [status, detail] = REFUSALS[refusal]
  throw new Problem(status, detail)
}

const REFUSALS: Readonly<Record<AccessRefusal, readonly [status: number, detail: string]>> = {
  'name taken': [409, 'There is one of that name already.'],
  'name unfit': [
    422,
    'name: of an administrator 1 to 32 lower-case letters, digits, ".", "_" and "-", beginning with a letter or digit; of a token 1 to 64 of these and spaces.',
  ],
  'password short': [422, 'password: at least 10 characters.'],
  'password long': [422, 'password: at most 256 characters.'],
  'password common': [422, 'password: too easy to guess. Take several words, or leave it out where one can be made.'],
  'last administrator': [409, 'The account admin stays, and stays administrator.'],
  'too many': [409, 'There are 32 already. Remove one first.'],
  unknown: [404, 'There is nothing of that name.'],
  'wrong password': [403, 'old: this is not the password.'],
  'own account': [
    409,
    'This is your own account: your password is changed by PUT /api/v1/password, the rest by another administrator.',
  ],
  'printed password': [
    409,
    'The password of admin is still the one that was printed. Change it first by PUT /api/v1/password.',
  ],
}
