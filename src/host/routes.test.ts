import t from 'tap'
import type { Role } from '../services/access.ts'
import { isAllowed } from '../web/page/visit.ts'
import { OpenedPage } from './page.fixture.ts'

/**
 * `nobody`: served to whoever asks. `user`: asks for the password of a user of SIP. `closed`: gone once the box is set up. Otherwise the
 * least role.
 */
type Needs = 'nobody' | 'user' | 'closed' | Role

/** Who is served what, of everything that the box answers over HTTP. A route that has no line here fails the test. */
const ROUTES: Readonly<Record<string, Needs>> = {
  'GET /healthz': 'nobody',
  'GET /metrics': 'nobody',
  'PUT /api/v1/password': 'viewer',
  'GET /api/v1/sessions': 'viewer',
  'DELETE /api/v1/sessions/:id': 'viewer',
  'GET /api/v1/administrators': 'admin',
  'POST /api/v1/administrators': 'admin',
  'PUT /api/v1/administrators/:name/role': 'admin',
  'PUT /api/v1/administrators/:name/password': 'admin',
  'DELETE /api/v1/administrators/:name': 'admin',
  'GET /api/v1/tokens': 'admin',
  'POST /api/v1/tokens': 'admin',
  'DELETE /api/v1/tokens/:id': 'admin',
  'GET /api/v1/setup': 'admin',
  'POST /api/v1/setup/finish': 'admin',
  'GET /api/v1/users': 'viewer',
  'POST /api/v1/users': 'operator',
  'GET /api/v1/users/:aor': 'viewer',
  'DELETE /api/v1/users/:aor': 'operator',
  'POST /api/v1/users/:aor/password': 'operator',
  'GET /api/v1/users/:aor/bindings': 'viewer',
  'POST /api/v1/users/:aor/provisioning': 'operator',
  'GET /api/v1/queue': 'viewer',
  'GET /api/v1/queue/:id': 'viewer',
  'POST /api/v1/queue/:id/deliver': 'operator',
  'DELETE /api/v1/queue/:id': 'operator',
  'GET /api/v1/users/:aor/settings': 'viewer',
  'PUT /api/v1/users/:aor/settings': 'operator',
  'GET /api/v1/history': 'operator',
  'GET /api/v1/users/:aor/history': 'operator',
  'GET /api/v1/users/:aor/history/:reference': 'operator',
  'GET /api/v1/users/:aor/history/:reference/pieces': 'operator',
  'GET /api/v1/users/:aor/history/:reference/content': 'operator',
  'DELETE /api/v1/users/:aor/history/:reference': 'operator',
  'POST /api/v1/users/:aor/history/export': 'operator',
  'POST /api/v1/users/:aor/history/erase': 'operator',
  'POST /api/v1/support': 'operator',
  'GET /support': 'operator',
  'POST /support': 'operator',
  'GET /api/v1/jobs': 'operator',
  'GET /api/v1/jobs/:id': 'operator',
  'DELETE /api/v1/jobs/:id': 'operator',
  'GET /api/v1/jobs/:id/result': 'operator',
  'GET /api/*': 'viewer',
  'TRACE /api/*': 'viewer',
  'DELETE /api/*': 'viewer',
  'OPTIONS /api/*': 'viewer',
  'PATCH /api/*': 'viewer',
  'PUT /api/*': 'viewer',
  'POST /api/*': 'viewer',
  'QUERY /api/*': 'viewer',
  'GET /xcap/*': 'user',
  'PUT /xcap/*': 'user',
  'DELETE /xcap/*': 'user',
  'POST /xcap/*': 'user',
  'PATCH /xcap/*': 'user',
  'OPTIONS /xcap/*': 'user',
  'GET /api/v1/config': 'operator',
  'GET /api/v1/config/schema': 'viewer',
  'POST /api/v1/config/check': 'operator',
  'POST /api/v1/config/apply': 'operator',
  'POST /api/v1/config/confirm': 'operator',
  'POST /api/v1/config/revert': 'operator',
  'GET /api/v1/certificates': 'operator',
  'GET /api/v1/certificates/certificate.pem': 'viewer',
  'POST /api/v1/certificates': 'admin',
  'POST /api/v1/certificates/self-signed': 'admin',
  'POST /api/v1/certificates/request': 'admin',
  'GET /api/v1/certificates/request.pem': 'operator',
  'GET /api/v1/time': 'viewer',
  'PUT /api/v1/time': 'operator',
  'POST /api/v1/test': 'operator',
  'GET /api/v1/logs': 'viewer',
  'GET /api/v1/logs/lines.jsonl': 'viewer',
  'GET /api/v1/logs/level': 'viewer',
  'PUT /api/v1/logs/level': 'operator',
  'GET /api/v1/openapi.json': 'viewer',
  'GET /api/v1/status': 'viewer',
  'GET /api/v1/series': 'viewer',
  'GET /api/v1/alarms': 'viewer',
  'POST /api/v1/backup': 'admin',
  'GET /api/v1/restore': 'admin',
  'POST /api/v1/restore': 'admin',
  'DELETE /api/v1/restore': 'admin',
  'POST /api/v1/restore/confirm': 'admin',
  'DELETE /api/v1/restore/kept/:name': 'admin',
  'GET /backup': 'admin',
  'POST /backup': 'admin',
  'POST /backup/restore': 'admin',
  'POST /backup/forget': 'admin',
  'POST /backup/kept': 'admin',
  'POST /backup/upload': 'admin',
  'GET /assets/:name': 'nobody',
  'GET /': 'viewer',
  'GET /about': 'viewer',
  'GET /about/sbom.json': 'viewer',
  'GET /about/licence': 'viewer',
  'GET /about/:document': 'viewer',
  'GET /login': 'nobody',
  'POST /login': 'nobody',
  'POST /logout': 'nobody',
  'GET /language': 'nobody',
  'GET /setup': 'closed',
  'GET /setup/password': 'closed',
  'POST /setup/password': 'closed',
  'GET /setup/network': 'closed',
  'POST /setup/network': 'closed',
  'GET /setup/applied': 'closed',
  'POST /setup/keep': 'closed',
  'POST /setup/revert': 'closed',
  'GET /setup/users': 'closed',
  'POST /setup/users': 'closed',
  'GET /setup/summary': 'closed',
  'POST /setup/finish': 'closed',
  'GET /account': 'viewer',
  'POST /account/password': 'viewer',
  'POST /account/sessions/:id/end': 'viewer',
  'POST /account/administrators': 'admin',
  'POST /account/administrators/:name/role': 'admin',
  'POST /account/administrators/:name/password': 'admin',
  'POST /account/administrators/:name/remove': 'admin',
  'POST /account/tokens': 'admin',
  'POST /account/tokens/:id/remove': 'admin',
  'GET /changes': 'operator',
  'POST /changes/apply': 'operator',
  'GET /changes/apply': 'nobody',
  'GET /changes/revert': 'nobody',
  'POST /changes/discard': 'operator',
  'POST /changes/confirm': 'operator',
  'POST /changes/revert': 'operator',
  'POST /changes/understood': 'operator',
  'GET /delivery': 'operator',
  'POST /delivery': 'operator',
  'GET /network': 'operator',
  'POST /network': 'operator',
  'GET /certificates/files': 'admin',
  'POST /certificates/files': 'admin',
  'GET /certificates': 'operator',
  'GET /certificates/certificate.pem': 'viewer',
  'GET /certificates/request.pem': 'operator',
  'POST /certificates/self-signed': 'admin',
  'POST /certificates/request': 'admin',
  'GET /time': 'operator',
  'POST /time': 'operator',
  'GET /logs': 'viewer',
  'GET /logs/lines.jsonl': 'viewer',
  'GET /logs/live': 'viewer',
  'POST /logs/level': 'operator',
  'GET /users': 'viewer',
  'POST /users': 'operator',
  'GET /users/:aor': 'viewer',
  'POST /users/:aor/settings': 'operator',
  'POST /users/:aor/password': 'operator',
  'GET /users/:aor/remove': 'operator',
  'POST /users/:aor/remove': 'operator',
  'POST /users/:aor/phone': 'operator',
  'GET /provisioning/:token': 'nobody',
  'GET /queue': 'viewer',
  'GET /queue/:id': 'viewer',
  'GET /queue/:id/deliver': 'operator',
  'GET /queue/:id/delete': 'operator',
  'POST /queue/:id/deliver': 'operator',
  'POST /queue/:id/delete': 'operator',
  'GET /history': 'operator',
  'GET /history/:aor': 'operator',
  'POST /history/:aor/export': 'operator',
  'GET /history/:aor/erase': 'operator',
  'POST /history/:aor/erase': 'operator',
  'GET /history/:aor/:reference': 'operator',
  'GET /history/:aor/:reference/remove': 'operator',
  'POST /history/:aor/:reference/remove': 'operator',
  'GET /jobs': 'operator',
  'GET /jobs/:id': 'operator',
  'GET /jobs/:id/result': 'operator',
  'POST /jobs/:id/remove': 'operator',
  'GET /*': 'viewer',
  'TRACE /*': 'viewer',
  'DELETE /*': 'viewer',
  'OPTIONS /*': 'viewer',
  'PATCH /*': 'viewer',
  'PUT /*': 'viewer',
  'POST /*': 'viewer',
  'QUERY /*': 'viewer',
  'POST /certificates/given': 'admin',
}

const PASSWORD = 'correct horse battery'

interface Caller {
  readonly role: Role
  readonly headers: Record<string, string>
  readonly csrf: string
}

async function callerOf(page: OpenedPage, role: Role): Promise<Caller> {
  if (role !== 'admin') await page.access.addAdministrator(role, role, PASSWORD)
  const { cookie, csrf } = await page.signIn(role, role === 'admin' ? page.secret : PASSWORD)
  return { role, headers: { cookie, 'x-csrf-token': csrf }, csrf }
}

/** Asks as little as can be asked: enough to come past the door, and too little to do anything. */
async function statusOf(page: OpenedPage, route: string, caller?: Caller): Promise<number> {
  const [method = '', pattern = ''] = route.split(' ')
  const url = pattern.replace(/:\w+|\*/g, 'x')
  const isApi = url.startsWith('/api/')
  const headers = {
    ...caller?.headers,
    'content-type': isApi ? 'application/json' : 'application/x-www-form-urlencoded',
  }
  const payload = isApi ? '{}' : `csrf=${caller?.csrf ?? ''}`
  const bodied = ['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY'].includes(method)
  const reply = await page.apps[0]!.inject({
    method: method as 'GET',
    url,
    headers: bodied ? headers : (caller?.headers ?? {}),
    ...(bodied && { payload }),
    // What is told as it happens has no end.
    payloadAsStream: true,
  })
  reply.stream().destroy()
  const isSentToSignIn = reply.statusCode === 303 && String(reply.headers.location).startsWith('/login?back=')
  return isSentToSignIn ? 401 : reply.statusCode
}

t.test('every route of page and API asks for the role that it needs, and for no more', async t => {
  const page = await OpenedPage.open(t.testdir({}))
  t.teardown(() => page.close())
  page.access.finishSetup()
  const callers = [await callerOf(page, 'viewer'), await callerOf(page, 'operator'), await callerOf(page, 'admin')]
  const found = page.routes.filter(({ method }) => method !== 'HEAD').map(({ method, url }) => `${method} ${url}`)
  t.same(
    found.filter(route => !(route in ROUTES)),
    [],
    'say in this test which role a new route needs',
  )
  t.same(
    Object.keys(ROUTES).filter(route => !found.includes(route)),
    [],
    'and take out those that are gone',
  )
  for (const [route, needed] of Object.entries(ROUTES)) {
    const status = await statusOf(page, route)
    if (needed === 'closed') t.equal(status, 404, route)
    else if (needed === 'nobody') t.not(status, 401, `${route}: for everybody`)
    else t.equal(status, 401, `${route}: nobody comes in without a name`)
    if (needed === 'nobody' || needed === 'closed' || needed === 'user') continue
    for (const caller of callers) {
      const answer = await statusOf(page, route, caller)
      if (!isAllowed(caller.role, needed)) t.equal(answer, 403, `${route}: not as ${caller.role}`)
      else t.notMatch(answer, /^(?:401|403|5\d\d)$/, `${route}: ${answer} as ${caller.role}`)
    }
  }
})
