import { Ajv2020 } from 'ajv/dist/2020.js'
import t, { type Test } from 'tap'
import { OPERATIONS } from './openapi/document.ts'
import { basic, OpenedPage } from './page.fixture.ts'

interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<
    Record<string, { readonly description?: string; readonly content?: Record<string, { readonly schema: object }> }>
  >
}

interface Document {
  readonly openapi: string
  readonly tags: readonly { readonly name: string }[]
  readonly security: readonly Record<string, readonly string[]>[]
  readonly components: { readonly securitySchemes: object; readonly responses: object; readonly schemas: object }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

async function described(t: Test) {
  const page = await OpenedPage.open(t.testdir())
  t.teardown(() => page.close())
  page.access.finishSetup()
  const headers = basic('admin', page.secret)
  const get = (path: string) => page.ask(path, { headers })
  const document = JSON.parse((await get('/api/v1/openapi.json')).body) as Document
  return { page, get, document, headers }
}

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, path, operation })),
  )

t.test('every route of the API is in the document, and told in words; and nothing else is', async t => {
  const { page, document } = await described(t)
  const registered = page.routes
    .filter(({ method, url }) => url.startsWith('/api/') && method !== 'HEAD' && !url.includes('*'))
    .map(({ method, url }) => `${method} ${url}`)
  t.same(
    registered.filter(route => !(route in OPERATIONS)),
    [],
    'say in openapi/ what a new route takes and gives',
  )
  t.same(
    Object.keys(OPERATIONS).filter(route => !registered.includes(route)),
    [],
    'and take out those that are gone',
  )
  t.same(
    operationsOf(document)
      .map(({ route }) => route)
      .sort(),
    registered.map(route => route.replace(/:(\w+)/g, '{$1}')).sort(),
  )
})

t.test('the document is OpenAPI 3.1: names are unique, references lead somewhere, schemas are schemas', async t => {
  const { document } = await described(t)
  t.match(document.openapi, /^3\.1\./)
  const operations = operationsOf(document)
  t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const isSchema = (schema: object, where: string): void => {
    t.ok(ajv.validateSchema(schema), where)
    t.doesNotThrow(() => ajv.compile(schema), where)
  }
  for (const { route, path, operation } of operations) {
    t.match(operation.operationId, /^[a-z]+[A-Za-z]+$/, route)
    t.ok(
      operation.tags.every(tag => document.tags.some(({ name }) => name === tag)),
      route,
    )
    const inPath = (operation.parameters ?? []).filter(each => each.in === 'path').map(({ name }) => name)
    t.same(inPath.sort(), [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort(), route)
    for (const { name, schema } of operation.parameters ?? []) isSchema(schema, `${route} ${name}`)
    for (const { schema } of Object.values(operation.requestBody?.content ?? {})) isSchema(schema, route)
    const { default: problem, ...replies } = operation.responses
    t.same(problem, { $ref: '#/components/responses/Problem' }, route)
    for (const [status, { description, content }] of Object.entries(replies)) {
      t.match(status, /^2\d\d$/)
      t.ok(description)
      for (const { schema } of Object.values(content ?? {})) isSchema(schema, `${route} ${status}`)
    }
  }
  for (const schemes of document.security)
    for (const scheme of Object.keys(schemes)) t.ok(scheme in document.components.securitySchemes, scheme)
  t.ok('Problem' in document.components.responses && 'Problem' in document.components.schemas)
})

t.test('what the box answers is what the document says', async t => {
  const { page, get, document, headers } = await described(t)
  const post = (path: string, json: object) => page.ask(path, { json, headers })
  t.equal((await post('/api/v1/users', { aor: 'carol' })).status, 201)
  t.equal((await post('/api/v1/tokens', { name: 'monitor', role: 'viewer' })).status, 201)
  await page.signIn('admin', page.secret)
  page.logs.warn('something', { flow: 'udp/1' })
  const answers: [path: string, asked: string][] = [
    ...Object.entries(document.paths)
      .filter(([path, item]) => item.get && !path.includes('{'))
      .map(([path]): [string, string] => [path, path]),
    ['/api/v1/users/{aor}', '/api/v1/users/carol'],
    ['/api/v1/users/{aor}/bindings', '/api/v1/users/carol/bindings'],
    ['/api/v1/users/{aor}/settings', '/api/v1/users/carol/settings'],
    ['/api/v1/users/{aor}/history', '/api/v1/users/carol/history'],
    ['/api/v1/queue', '/api/v1/queue?user=carol'],
    ['/api/v1/queue', '/api/v1/queue?id=nothing'],
  ]
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  let compared = 0
  for (const [path, asked] of answers) {
    const { status, body, headers } = await get(asked)
    const media = String(headers['content-type']).split(';')[0]!
    if (status === 404 && media === 'application/problem+json') continue
    const said = document.paths[path]!.get!.responses[status]
    t.ok(said?.content?.[media], `${asked}: ${status} ${media}`)
    if (media !== 'application/json') continue
    const isRight = ajv.compile(said!.content![media]!.schema)
    t.ok(isRight(JSON.parse(body)), `${asked}: ${JSON.stringify(isRight.errors)}`)
    compared++
  }
  t.ok(compared > 15, `${compared}`)
})

t.test('the document is for whoever is signed in; what is not there is told as a problem', async t => {
  const { page, get } = await described(t)
  const nobody = await page.ask('/api/v1/openapi.json')
  t.equal(nobody.status, 401)
  t.match(nobody.headers['content-type'], 'application/problem+json')
  const unknown = await get('/api/v1/nothing')
  t.equal(unknown.status, 404)
  t.match(unknown.headers['content-type'], 'application/problem+json')
  t.match(unknown.body, 'openapi.json')
  t.equal((await page.ask('/api/v2', { headers: { accept: 'application/json' } })).status, 401)
})
