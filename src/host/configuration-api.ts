import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { configSchema } from '../base/config-schema.ts'
import type {
  ConfigChanges,
  ConfigDifference,
  ConfigRefusal,
  ConfigurationService,
  ConfigurationView,
  ConfigValue,
} from '../services/configuration.ts'
import type { WebServices } from '../services/services.ts'
import { pageAddresses, roleFor, TRIAL_MAX_S, TRIAL_S } from '../web/configuration/operations.ts'
import { needs } from '../web/guard.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, forRole } from './admin-api.ts'

const PATH = '/api/v1/config'

const closed = { additionalProperties: false }
/** More keys than there are. Values are looked at as those of a file are. */
const changes = Type.Object({}, { additionalProperties: true, maxProperties: 256 })
const Check = Type.Object({ changes }, closed)

/** What every change that is applied says beside itself. */
export const trial = {
  /** 0: it stays without a confirmation. */
  confirm_s: Type.Optional(Type.Integer({ minimum: 0, maximum: TRIAL_MAX_S, default: TRIAL_S })),
  /** Of the configuration that it was made from; or If-Match. */
  version: Type.Optional(Type.String({ maxLength: 64 })),
}
const Apply = Type.Object({ changes, ...trial }, closed)

/** The configuration: what stands, what a change would do, and a change on trial. */
export const configurationApi = (services: WebServices): FastifyPluginAsync =>
  adminApi({ guarded: services, log: services.log }, app => {
    const { configuration } = services
    reading(app, configuration)
    app.post<{ Body: Static<typeof Check> }>(
      `${PATH}/check`,
      { ...forRole('operator'), schema: { body: Check } },
      async (request, reply) => {
        const checked = configuration.check(changesOf(request.body.changes))
        if ('errors' in checked) throw refusedBy(checked)
        const { differences, warnings, pages } = checked
        return plainly(reply).send({
          differences: differences.map(differenceView),
          warnings,
          pages: pageAddresses(pages, hostOf(request)),
        })
      },
    )
    app.post<{ Body: Static<typeof Apply> }>(
      `${PATH}/apply`,
      { ...forRole('operator'), schema: { body: Apply } },
      async (request, reply) => {
        const asked = changesOf(request.body.changes)
        needs(request, roleFor(asked))
        return applyFor(configuration, asked, request, reply)
      },
    )
    ending(app, configuration)
  })

function reading(app: FastifyInstance, configuration: ConfigurationService): void {
  app.get(PATH, forRole('operator'), async (_request, reply) => {
    const view = configuration.view()
    return plainly(reply).header('etag', `"${view.version}"`).send(configView(view))
  })
  app.get(`${PATH}/schema`, forRole('viewer'), async (_request, reply) =>
    plainly(reply).type('application/schema+json').send(JSON.stringify(configSchema)),
  )
}

function ending(app: FastifyInstance, configuration: ConfigurationService): void {
  app.post(`${PATH}/confirm`, forRole('operator'), async (request, reply) => {
    const confirmed = configuration.confirm(needs(request, 'operator').name)
    if (confirmed === 'nothing') throw new Problem(409, NOTHING_PENDING)
    if (confirmed === 'starting')
      throw new Problem(409, 'The box does not serve with the change yet. Try again in a moment.', {
        'retry-after': '1',
      })
    return plainly(reply).send(standing(configuration.view(), request))
  })
  app.post(`${PATH}/revert`, forRole('operator'), async (request, reply) => {
    if (!configuration.revert(needs(request, 'operator').name)) throw new Problem(409, NOTHING_PENDING)
    return plainly(reply).code(202).send(standing(configuration.view(), request))
  })
}

const NOTHING_PENDING = 'No change is on trial.'

/** 202 with the time that is left; the box starts to serve with it after the answer. Throws the Problem. */
export function applyFor(
  configuration: ConfigurationService,
  changes: ConfigChanges,
  request: FastifyRequest<{ Body: { confirm_s?: number; version?: string } }>,
  reply: FastifyReply,
  more: object = {},
): FastifyReply {
  const { confirm_s: confirmS = TRIAL_S, version } = request.body
  const expected = version ?? versionOf(request.headers['if-match'])
  if (expected === undefined)
    throw new Problem(428, 'Say which version you read: "version" in the body, or If-Match. If-Match: * takes any.')
  const current = configuration.view().version
  const { name: who } = needs(request, 'operator')
  const applied = configuration.apply(changes, { version: expected === '*' ? current : expected, who, confirmS })
  if (applied === 'conflict')
    throw new Problem(
      version === undefined ? 412 : 409,
      'Somebody else changed the configuration. Read it again first.',
    )
  if (applied === 'pending')
    throw new Problem(409, 'Another change waits to be confirmed, or the box starts anew.', { 'retry-after': '5' })
  if (applied === 'nothing') return plainly(reply).send({ version: current, differences: [], ...more })
  if (typeof applied === 'object') throw refusedBy(applied)
  const view = configuration.view()
  return plainly(reply)
    .code(202)
    .send({ ...standing(view, request), ...more })
}

/** RFC 9457 with a list of what is wrong. */
const refusedBy = ({ errors }: ConfigRefusal): Problem => {
  const list = Object.entries(errors).map(([key, detail]) => ({ key, detail }))
  const detail = list.map(each => (each.key === '' ? each.detail : `${each.key}: ${each.detail}`)).join(' ')
  return new Problem(422, detail, {}, { errors: list })
}

/** null: the key goes, and its default stands. */
function changesOf(given: object): ConfigChanges {
  const found = new Map<string, ConfigValue>()
  for (const [key, value] of Object.entries(given)) {
    if (!isValue(value))
      throw refusedBy({ errors: { [key]: 'is a text, a number, true, false, a list of texts, or null' } })
    found.set(key, value === null ? undefined : value)
  }
  return found
}

const isValue = (value: unknown): value is Exclude<ConfigValue, undefined> | null =>
  value === null ||
  ['string', 'number', 'boolean'].includes(typeof value) ||
  (Array.isArray(value) && value.every(each => typeof each === 'string'))

const configView = (view: ConfigurationView) => ({
  version: view.version,
  file: view.file,
  keys: view.keys.map(({ key, value, fallback, isWritten, isSecret, isFixed, schema }) => ({
    key,
    ...(isSecret ? { is_set: value !== '' && value !== undefined } : { value: value ?? null }),
    default: fallback ?? null,
    is_written: isWritten,
    is_secret: isSecret,
    is_fixed: isFixed,
    schema,
  })),
  is_starting: view.isStarting,
  pending: pendingView(view),
  last_failure: view.lastFailure ?? null,
  restart_needed: view.restartNeeded ?? null,
})

function pendingView({ pending }: ConfigurationView) {
  if (!pending) return null
  const { who, leftS, differences } = pending
  return { by: who, left_s: leftS, differences: differences.map(differenceView) }
}

/** What is after a step, and where to go on. */
const standing = (view: ConfigurationView, request: FastifyRequest) => ({
  version: view.version,
  is_starting: view.isStarting,
  pending: pendingView(view),
  pages: pageAddresses(view.pages, hostOf(request)),
})

const differenceView = ({ key, before, after }: ConfigDifference) => ({
  key,
  before: before ?? null,
  after: after ?? null,
})

const hostOf = (request: FastifyRequest): string => request.headers.host ?? ''

/** RFC 9110 13.1.1: one entity-tag as it was given out, or `*`. */
const versionOf = (ifMatch: string | undefined): string | undefined => ifMatch?.replace(/^"(.*)"$/, '$1')

const plainly = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')
