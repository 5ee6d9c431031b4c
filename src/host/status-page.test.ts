import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { WallTime } from '../base/time.ts'
import { until } from '../interop/until.ts'
import type { Role } from '../services/access.ts'
import { HostStore } from '../testing/host-store.ts'
import { accountPut, BOB_AOR, custodyOf } from '../testing/store-fixtures.ts'
import { basic, OpenedPage } from './page.fixture.ts'

/** The first page with all that it needs, as it goes over the line. */
const FIRST_PAGE_BYTES_MAX = 150_000

const opened = async (t: Test, more = '', store = new HostStore({ freeBytes: () => 10_000_000_000 })) => {
  const page = await OpenedPage.open(t.testdir({}), { more, store })
  page.access.finishSetup()
  t.teardown(() => page.close())
  return page
}

/** Somebody of that role, as a script comes in. */
async function as(page: OpenedPage, role: Role): Promise<{ authorization: string }> {
  if (role === 'admin') return basic('admin', page.secret)
  const password = page.access.madePassword()
  await page.access.addAdministrator(role, role, password)
  return basic(role, password)
}

const textOf = (html: string): string =>
  html
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/\s+/g, ' ')

t.test('custody at a glance: what waits, since when, what is refused', async t => {
  const store = new HostStore({ freeBytes: () => 10_000_000_000 })
  store.model.execute(accountPut(BOB_AOR))
  const receivedAt = (Date.now() - 3 * 3_600_000) as WallTime
  const expiresAt = (Date.now() + 3_600_000) as WallTime
  for (let n = 0; n < 3; n++)
    store.model.execute(custodyOf(n, { receivedAt: (receivedAt + n * 60_000) as WallTime, expiresAt }))
  const page = await opened(t, '', store)
  const headers = await as(page, 'viewer')
  const { status, body } = await page.ask('/', { headers })
  t.equal(status, 200)
  const text = textOf(body)
  t.match(text, / Waiting 3 /)
  t.match(text, / Oldest 3 hours ago /)
  t.match(text, / Refused 0 /)
  t.match(text, /All is well/)
  t.match(text, /SIP, UDP 127\.0\.0\.1:\d+ open/)
  t.match(text, /Switched off: SIP, TCP; SIP, TLS/)
  const said = JSON.parse((await page.ask('/api/v1/status', { headers })).body)
  t.match(said, {
    takes_messages: true,
    problem: null,
    custody: { waiting: 3, oldest: new Date(receivedAt).toISOString(), stored_per_minute: null },
    peers: { bindings: 0, trusted: [] },
    clock: { trusted: true },
    flash: { free_bytes: 10_000_000_000, reserve_bytes: 67_108_864 },
    alarms: [],
  })
  t.match(
    said.listeners.map((each: { key: string; state: string }) => `${each.key} ${each.state}`),
    ['listen.sip_udp open', 'listen.sip_tcp off'],
  )
})

t.test('alarms in words, with what to do and a link for whoever may go there', async t => {
  const store = new HostStore({ freeBytes: () => 1000 })
  const page = await opened(t, '[auth]\ndigest = false', store)
  const viewer = await as(page, 'viewer')
  const operator = await as(page, 'operator')
  const { body } = await page.ask('/', { headers: operator })
  t.match(textOf(body), /Alarm: Flash is nearly full: 1 kB are free\. Below the reserve new messages are refused/)
  t.match(textOf(body), /Warning: Passwords of users are not checked\. Anybody/)
  t.match(body, /href="\/network">Go to SIP and MSRP</)
  const seen = (await page.ask('/', { headers: viewer })).body
  t.match(textOf(seen), /Passwords of users are not checked/)
  t.notMatch(seen, /href="\/network"/, 'a viewer is not sent where viewers may not go')
  const german = (await page.ask('/', { headers: { ...viewer, 'accept-language': 'de' } })).body
  t.match(textOf(german), /Alarm: Der Speicher ist fast voll: 1 kB sind frei/)
  const { alarms } = JSON.parse((await page.ask('/api/v1/alarms', { headers: viewer })).body)
  t.match(alarms, [
    { id: 'flash-low', level: 'alarm', count: 1000, text: /1 kB/, what_to_do: /Delete/, page: '/queue' },
    { id: 'no-digest', level: 'warning' },
  ])
})

t.test('a store that fails is told, and the page stands', async t => {
  const store = new HostStore({ freeBytes: () => 10_000_000_000 })
  const page = await opened(t, '', store)
  const headers = await as(page, 'viewer')
  store.failure = { failure: 'io', detail: '<script>medium</script>' }
  // What was found within the last second is told again.
  const body = await until('the page tells of it', 20_000, async () => {
    const { status, body } = await page.ask('/', { headers })
    t.equal(status, 200)
    return /No message can be kept: .*&lt;script&gt;medium/.test(body) && body
  })
  t.notMatch(body, /<script>medium/)
})

t.test('an hour, a day and a week as plots and as numbers', async t => {
  const page = await opened(t)
  const headers = await as(page, 'viewer')
  for (const [span, steps] of [
    ['hour', 60],
    ['day', 96],
    ['week', 84],
  ] as const) {
    const { body } = await page.ask(`/?span=${span}`, { headers })
    t.match(body, new RegExp(`href="/\\?span=${span}" aria-current="true"`))
    t.equal(body.split('data-tip=').length - 1, 2 * steps)
    const series = JSON.parse((await page.ask(`/api/v1/series?span=${span}`, { headers })).body)
    t.equal(series.span, span)
    t.equal(series.steps.length, steps)
    t.match(series.steps[0], { at: /Z$/, stored_per_minute: null, waiting: null })
  }
  const odd = await page.ask('/?span=%3Cscript%3E&span=x', { headers })
  t.equal(odd.status, 200)
  t.match(odd.body, /href="\/\?span=hour" aria-current="true"/)
  const wrong = await page.ask('/api/v1/series?span=year', { headers })
  t.equal(wrong.status, 400)
  t.match(JSON.parse(wrong.body), { detail: 'span: one of hour, day, week.' })
})

t.test('the first page with all that it needs is less than 150 kB on the line', async t => {
  const page = await opened(t)
  const { cookie } = await page.signIn('admin', page.secret)
  for (const path of ['/login', '/?span=day']) {
    const headers: Record<string, string> = path === '/login' ? {} : { cookie }
    const { body, status } = await page.ask(path, { headers })
    t.equal(status, 200, path)
    const needed = [...body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, asset]) => asset!)
    t.ok(needed.length >= 3)
    let bytes = Buffer.byteLength(body)
    for (const asset of needed) {
      const answer = await page.ask(asset, { headers: { 'accept-encoding': 'gzip' } })
      t.equal(answer.status, 200)
      bytes += Number(answer.headers['content-length'])
    }
    t.ok(bytes < FIRST_PAGE_BYTES_MAX, `${path}: ${bytes} bytes`)
  }
})

t.test('nothing in a page asks anybody else, acts on its own, or is styled in place', async t => {
  const page = await opened(t)
  const headers = await as(page, 'admin')
  for (const path of ['/', '/about', '/about/manual.md', '/no/such/page']) {
    const { body } = await page.ask(path, { headers })
    t.notMatch(body, /(?:src|action)="(?:https?:)?\/\//, path)
    t.notMatch(body, /<(?:link|img|script|iframe)[^>]+(?:https?:)?\/\/[a-z]/, path)
    t.notMatch(body, / (?:on[a-z]+|style)=/, path)
    t.notMatch(body, /<script(?![^>]* src=)/, path)
  }
})

t.test('about: version, what is inside and its terms, the list for machines, the manual', async t => {
  const page = await opened(t)
  const headers = await as(page, 'viewer')
  const { body } = await page.ask('/about', { headers })
  t.match(textOf(body), /Runs on Node\.js \d+/)
  const [, link] = /href="(\/about\/licence\?name=fastify&amp;version=[^"]+)"/.exec(body)!
  const licence = await page.ask(link!.replace('&amp;', '&'), { headers })
  t.match(licence.body, /Permission is hereby granted/)
  const sbom = await page.ask('/about/sbom.json', { headers })
  t.match(sbom.headers, {
    'content-type': /^application\/vnd\.cyclonedx\+json/,
    'content-disposition': 'attachment; filename="restante.cdx.json"',
  })
  t.match(JSON.parse(sbom.body), { bomFormat: 'CycloneDX', specVersion: '1.5' })
  const manual = readFileSync(join(import.meta.dirname, '../../docs/manual.md'), 'utf8')
  t.ok((await page.ask('/about/manual.md', { headers })).body.includes(manual.split('\n')[2]!.replaceAll("'", '&#39;')))
  for (const path of [
    '/about/..%2fpackage.json',
    '/about/design.md',
    '/about/licence?name=..%2f..&version=1',
    '/about/licence?name=fastify&version=0',
    '/about/licence',
  ])
    t.equal((await page.ask(path, { headers })).status, 404, path)
})

t.test('status and about are for whoever is signed in', async t => {
  const page = await opened(t)
  for (const path of ['/', '/about', '/about/sbom.json', '/about/manual.md', '/about/licence?name=fastify'])
    t.match(await page.ask(path), { status: 303, headers: { location: /^\/login\?back=/ } }, path)
  for (const path of ['/api/v1/status', '/api/v1/series', '/api/v1/alarms'])
    t.match(await page.ask(path), { status: 401, headers: { 'content-type': /^application\/problem\+json/ } }, path)
})
