import { get as request } from 'node:http'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { basic, OpenedPage } from './page.fixture.ts'

const HOSTILE = '<script>alert(1)</script>\u202e"\n'

async function opened(t: Test) {
  const page = await OpenedPage.open(t.testdir({}))
  t.teardown(() => page.close())
  page.access.finishSetup()
  const browser = await page.signIn('admin', page.secret)
  const rows = async (path: string): Promise<string[]> =>
    ((await browser.get(path)).body.match(/<li data-level="(?:debug|info|warn|error)">.*?<\/li>/g) ?? []) as string[]
  return { page, browser, rows }
}

t.test('the page: lines with the newest first, filters, page by page, without script', async t => {
  const { page, browser, rows } = await opened(t)
  for (let i = 1; i <= 15; i++) for (const kind of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) page.logs.info(`${kind} ${i}`)
  page.logs.warn('refused', { from: HOSTILE, flow: 'udp/1' })
  const { body } = await browser.get('/logs')
  t.match((await rows('/logs'))[0], /<strong>warning<\/strong> <bdi>refused/)
  t.equal((await rows('/logs')).length, 100)
  const [, older = ''] = /href="(\/logs\?before=\d+)"/.exec(body) ?? []
  t.equal((await rows(older)).length, 6)
  t.equal((await rows('/logs?level=warn')).length, 1)
  t.equal((await rows('/logs?text=REFUSED&field=flow%3Dudp%2F1')).length, 1)
  t.equal((await rows('/logs?field=flow%3Dudp%2F2')).length, 0)
  t.equal((await rows('/logs?until=2026-01-01T00%3A00')).length, 0)
  t.equal((await rows('/logs?since=2026-01-01T00%3A00&text=g%2015')).length, 1)
  const wrong = await browser.get('/logs?since=yesterday')
  t.equal(wrong.status, 422)
  t.match(wrong.body, 'A time like')
  t.match((await browser.get('/logs?text=nothing%20like%20it')).body, 'No line fits')
  t.equal((await browser.get('/logs?level=warn&level=info&text%5B%5D=x')).status, 200)
})

t.test('what strangers wrote is text in each way that a line is shown', async t => {
  const { page, browser } = await opened(t)
  page.logs.warn('refused', { from: HOSTILE })
  const { body } = await browser.get('/logs')
  t.notMatch(body, '<script>alert')
  t.notMatch(body, '\u202e')
  t.match(body, '&lt;script&gt;alert(1)')
  const file = await browser.get('/logs/lines.jsonl?level=warn')
  t.match(file.headers['content-type'], /^application\/x-ndjson/)
  t.match(file.headers['content-disposition'], 'attachment')
  t.equal(file.headers['x-content-type-options'], 'nosniff')
  t.match(JSON.parse(file.body), { level: 'warn', msg: 'refused', from: HOSTILE })
  const api = JSON.parse((await browser.get('/api/v1/logs?level=warn')).body)
  t.match(api, { lines: [{ level: 'warn', msg: 'refused', fields: { from: HOSTILE } }], next: null })
  t.equal((await browser.get('/api/v1/logs/lines.jsonl?level=warn')).body, file.body)
})

t.test('the API: the same filters; what it cannot read is 422', async t => {
  const { page, browser } = await opened(t)
  for (let i = 1; i <= 5; i++) page.logs.warn('line', { i })
  const first = JSON.parse((await browser.get('/api/v1/logs?limit=2&text=line')).body)
  t.match(first.lines, [{ fields: { i: 5 } }, { fields: { i: 4 } }])
  const second = JSON.parse((await browser.get(`/api/v1/logs?limit=9&text=line&before=${first.next}`)).body)
  t.equal(second.lines.length, 3)
  for (const query of ['level=loud', 'since=x', 'until=2030-13-45T99:99', 'limit=0', 'limit=2001', 'before=-1', 'x=1'])
    t.equal((await browser.get(`/api/v1/logs?${query}`)).status, 422, query)
})

t.test('the level is raised for a while by operators, on the page and by the API', async t => {
  const { page, browser } = await opened(t)
  const raised = await browser.post('/logs/level', { newLevel: 'debug', minutes: '10' })
  t.equal(raised.headers.location, '/logs?did=logLevelSet')
  t.match(page.logs.level(), { level: 'debug', leftS: 600 })
  t.match((await browser.get('/logs')).body, 'Back to information in')
  t.equal((await browser.post('/logs/level', { newLevel: 'loud', minutes: '10' })).status, 422)
  t.equal((await browser.post('/logs/level', { newLevel: 'debug', minutes: '1441' })).status, 422)
  const headers = basic('admin', page.secret)
  const put = (json: object) => page.ask('/api/v1/logs/level', { method: 'PUT', json, headers })
  t.same(JSON.parse((await put({ level: 'info', minutes: 1 })).body), { level: 'info', usual: 'info', left_s: null })
  t.equal((await put({ level: 'debug', minutes: 0 })).status, 400)
  t.equal((await put({ level: 'debug' })).status, 400)
  t.equal(page.logs.level().level, 'info')
})

interface Live {
  readonly status: number
  /** Everything up to and with that text. */
  until(text: string): Promise<string>
  readonly ended: Promise<void>
  leave(): void
}

const listen = (page: OpenedPage, path: string, cookie: string): Promise<Live> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: page.port, path, headers: { cookie }, agent: false }, response => {
      let text = ''
      let look = (): void => {}
      response.on('data', bytes => {
        text += bytes
        look()
      })
      const ended = new Promise<void>(done => response.on('close', () => done()))
      const until = (wanted: string) =>
        new Promise<string>(found => {
          look = () => {
            if (text.includes(wanted)) found(text)
          }
          look()
        })
      resolve({ status: response.statusCode!, until, ended, leave: () => response.destroy() })
    })
    asked.on('error', reject)
  })

t.test('live: lines as they are written, what was missed first, filtered, as data', async t => {
  const { page, browser } = await opened(t)
  page.logs.warn('before the page')
  page.logs.warn('since the page')
  const live = await listen(page, '/logs/live?level=warn&after=1', browser.cookie)
  t.equal(live.status, 200)
  t.match(await live.until('since the page'), 'id: 2\nevent: line\n')
  page.logs.info('not asked for')
  page.logs.error('written now', { from: HOSTILE })
  const text = await live.until('written now')
  t.notMatch(text, 'before the page')
  t.notMatch(text, 'not asked for')
  t.notMatch(text, '\u202e')
  t.equal(text.match(/^data: /gm)?.length, 2, 'a line end in a text begins no event')
  live.leave()
  await live.ended
})

t.test('live: some at a time; whoever leaves makes room', async t => {
  const { page, browser } = await opened(t)
  const all = await Promise.all(Array.from({ length: 8 }, () => listen(page, '/logs/live', browser.cookie)))
  t.same(new Set(all.map(({ status }) => status)), new Set([200]))
  const more = await listen(page, '/logs/live', browser.cookie)
  t.equal(more.status, 503)
  all[0]!.leave()
  let again = more
  while (again.status === 503) again = await listen(page, '/logs/live', browser.cookie)
  t.equal(again.status, 200)
  t.equal((await listen(page, '/logs/live', '')).status, 303, 'nobody listens without a name')
})

t.test('live: it ends with the session', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const { page, browser } = await opened(t)
  const live = await listen(page, '/logs/live', browser.cookie)
  mock.timers.tick(5000)
  page.logs.info('still there')
  await live.until('still there')
  await browser.post('/logout')
  mock.timers.tick(5000)
  await live.ended
  t.equal((await listen(page, '/logs/live', browser.cookie)).status, 303)
})

t.test('live: the box stops although somebody listens', async t => {
  const page = await OpenedPage.open(t.testdir({}))
  page.access.finishSetup()
  const { cookie } = await page.signIn('admin', page.secret)
  const live = await listen(page, '/logs/live', cookie)
  t.equal(live.status, 200)
  await page.close()
  await live.ended
})
