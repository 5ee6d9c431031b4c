import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance, RouteOptions } from 'fastify'
import Type, { type TSchema } from 'typebox'
import { PRODUCT, VERSION } from '../../base/product.ts'
import { access } from './access.ts'
import { keeping } from './keeping.ts'
import { machine } from './machine.ts'
import { messaging } from './messages.ts'
import { people } from './people.ts'
import { type Operation, type Operations, TAGS } from './shapes.ts'
import { watching } from './watching.ts'

const ROOT = '/api/v1/'

export const OPERATIONS: Operations = { ...watching, ...messaging, ...people, ...access, ...machine, ...keeping }

/** Before the routes: each that is added under `/api/v1/` is in the document, with what it checks by itself. */
export const describeApi = (app: FastifyInstance): unknown => app.register(swagger, OPTIONS)

const PROBLEM = Type.Object(
  {
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was wrong, and what to do, in words.' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ key: Type.String(), detail: Type.String() }), { description: 'Each that was wrong.' }),
    ),
  },
  { description: 'RFC 9457' },
)

const OPTIONS: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: `${PRODUCT} API`,
      version: VERSION,
      description:
        'What the config page does, for scripts. Times are UTC. Lists are read page by page: what a list calls `next` is asked for in the next request; null ends it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...TAGS],
    security: [{ basic: [] }, { token: [] }, { session: [], csrf: [] }, { plainSession: [], csrf: [] }],
    components: {
      schemas: { Problem: PROBLEM },
      responses: {
        Problem: {
          description: 'It was not done, and why.',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: {
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'Name and password of an administrator, operator or viewer.',
        },
        token: { type: 'http', scheme: 'bearer', description: 'A token, made on the page or by POST /api/v1/tokens.' },
        session: { type: 'apiKey', in: 'cookie', name: '__Host-restante', description: 'Of the page, over TLS.' },
        plainSession: { type: 'apiKey', in: 'cookie', name: 'restante', description: 'Of the page, without TLS.' },
        csrf: { type: 'apiKey', in: 'header', name: 'x-csrf-token', description: 'Of the session; not asked of GET.' },
      },
    },
  },
  transform: ({ schema, url, route }) => ({ schema: described(schema ?? {}, url, route) as typeof schema, url }),
  transformObject: document => {
    if (!('openapiObject' in document)) return document.swaggerObject
    const { openapiObject } = document
    for (const item of Object.values(openapiObject.paths ?? {}))
      for (const operation of Object.values(item ?? {}))
        if (typeof operation === 'object' && 'responses' in operation)
          Object.assign(operation.responses!, { default: { $ref: '#/components/responses/Problem' } })
    return openapiObject
  },
}

function described(schema: object, url: string, { method, config }: RouteOptions): object {
  if (!url.startsWith(ROOT) || url.includes('*')) return { hide: true }
  const operation = OPERATIONS[`${method} ${url}`]
  const role = ROLES[config?.role ?? 'admin']
  if (!operation) return { ...schema, description: role }
  const { tag, summary, detail, query, body, bodyType, replies } = operation
  return {
    ...(body && { body }),
    ...(bodyType !== undefined && { consumes: [bodyType] }),
    ...(query && { querystring: Type.Object(query) }),
    ...schema,
    operationId: idOf(`${method} ${url}`),
    tags: [tag],
    summary,
    description: detail === undefined ? role : `${detail}\n\n${role}`,
    response: Object.fromEntries(Object.entries(replies).map(([status, reply]) => [status, replyOf(reply)])),
  }
}

const ROLES = {
  viewer: 'For whoever may sign in.',
  operator: 'For operators and administrators.',
  admin: 'For administrators.',
}

const DONE = 'Done.'

function replyOf(reply: Operation['replies'][number]): object {
  if (reply === null) return { type: 'null', description: DONE }
  const [type, schema] = typeof reply === 'string' ? [reply, {}] : ['application/json', reply satisfies TSchema]
  return { description: DONE, content: { [type]: { schema } } }
}

/** E.g. `getUsersAorSettings`. */
const idOf = (route: string): string =>
  route
    .replace(ROOT, '')
    .replace(/^[A-Z]+/, method => method.toLowerCase())
    .replace(/[^a-z]+([a-z])/g, (_, first: string) => first.toUpperCase())
