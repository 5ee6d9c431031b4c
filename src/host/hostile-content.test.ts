import t, { type Test } from 'tap'
import type { WallTime } from '../base/time.ts'
import { HISTORY_LIMITS, messageKept, sendWritten, sessionOpened } from '../testing/history-items.ts'
import { accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { peopleServed } from './people.fixture.ts'

/** What strangers write: markup, quotes, control characters, and characters that turn the direction of a line. Latin1 of UTF-8, as it is kept. */
const latin1 = (text: string): string => Buffer.from(text).toString('latin1')
const MARKUP = `<script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="alert(1)' --><!--`
const TURNED = '\u202eevil\u2066\u2028'
const CONTROLS = 'a\u0000b\u0007c\u001b[31md\u007fe\u0085'
const HOSTILE = latin1(`${MARKUP}${TURNED}${CONTROLS}`)
/** Longer than any page shows. */
const HUGE = latin1(`${MARKUP}${'x'.repeat(100_000)}`)

/** As accounts may be called: escapes of a slash, a percent sign and markup. */
const ESCAPED = 'sip:a%2Fb%25c%3Cscript%3E@example.org'

/** Nothing of it is markup, and nothing of it acts on a terminal or turns a line. */
async function inert(t: Test, what: string, response: Promise<Response>): Promise<string> {
  const answer = await response
  t.equal(answer.status, 200, what)
  t.match(answer.headers.get('content-security-policy'), "default-src 'none'", what)
  const document = await answer.text()
  t.equal(document.match(/<script/gi)?.length, 1, `${what}: the page's own script alone`)
  // Between quotes, where no quote is, nothing is an attribute.
  t.notMatch(document.replace(/"[^"]*"/g, '""'), /<img|<!--|<[^>]*\son[a-z]+=/i, what)
  t.notMatch(document, /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/, what)
  t.ok(document.length < 250_000, `${what}: ${document.length} characters`)
  return document
}

t.test('users and devices: what a phone says of itself is text', async t => {
  const { host, call } = await peopleServed(t)
  for (const aor of [BOB_AOR, ESCAPED]) host.model.execute(accountPut(aor))
  const binding = {
    contact: `sip:${HOSTILE}@192.0.2.7`,
    params: `;+x="${HOSTILE.replaceAll('"', '\\"')}";${HUGE.replace(/[;"]/g, '')}`,
    instance: HOSTILE,
    q: 1000,
    callId: HOSTILE,
    cseq: 1,
    registeredAt: STORED_AT,
    expiresAt: (STORED_AT + 1000) as WallTime,
    path: [HOSTILE, HUGE],
    flow: {
      id: 'tcp/1',
      transport: 'tcp',
      local: { address: '192.0.2.1', port: 5060 },
      remote: { address: '192.0.2.7', port: 40_000 },
    },
    userAgent: HUGE,
    isInstantMessaging: true,
  } as const
  host.model.execute({ verb: 'bindings.put', aor: BOB_AOR, version: 0, bindings: Array(10).fill(binding) })
  const shown = await inert(t, 'user', call(`/users/${encodeURIComponent(BOB_AOR)}`))
  t.match(shown, '&lt;script&gt;')
  await inert(t, 'users', call('/users'))
  await inert(t, 'search', call(`/users?search=${encodeURIComponent(`${MARKUP}${TURNED}`)}`))
  const answer = await call('/api/v1/users/bob/bindings')
  t.match(answer.headers.get('content-type'), 'application/json')
})

t.test('an address with escapes of slashes and markup has a page of its own, and links lead there', async t => {
  const { host, call, post } = await peopleServed(t)
  host.model.execute(accountPut(ESCAPED))
  host.model.execute(custodyOf(1, { recipient: ESCAPED }))
  const list = await inert(t, 'users', call('/users'))
  const href = /href="(\/users\/sip[^"]+)"/.exec(list)![1]!
  const shown = await inert(t, 'user', call(href))
  t.match(shown, 'a%2Fb%25c%3Cscript%3E')
  for (const [, path] of shown.matchAll(/href="(\/(?:queue|history|users)[/?][^"]*)"/g))
    await inert(t, path!, call(path!.replaceAll('&amp;', '&')))
  t.equal((await post(`${href}/remove`, {})).status, 303)
  t.notOk(host.model.execute({ verb: 'account.get', aor: ESCAPED }))
})

t.test('queue: senders, Call-IDs, reasons and headers are text', async t => {
  const { host, call } = await peopleServed(t)
  host.model.execute(accountPut(BOB_AOR))
  const head = `MESSAGE ${BOB_AOR} SIP/2.0\r\nFrom: "${HOSTILE}" <sip:x@example.net>\r\nSubject: ${HUGE}\r\n\r\nbody`
  const bytes = Buffer.from(head, 'latin1')
  host.model.execute(custodyOf(1, { sender: HOSTILE, callId: HOSTILE, bytes }))
  host.model.execute(custodyOf(2, { sender: HUGE, callId: HUGE, bytes: Buffer.from(`${HUGE}`, 'latin1') }))
  for (const seq of [1, 2]) host.model.execute({ verb: 'attempted', aor: BOB_AOR, seq, at: STORED_AT, detail: HUGE })
  await inert(t, 'mailbox', call('/queue?user=bob'))
  await inert(t, 'by Call-ID', call(`/queue?id=${encodeURIComponent(`${MARKUP}${TURNED}${CONTROLS}`)}`))
  for (const seq of [1, 2]) {
    const path = `/queue/${encodeURIComponent(`sip:${seq}@edge1.example.org`)}`
    t.match(await inert(t, `message ${seq}`, call(path)), '&lt;script&gt;')
    await inert(t, `delete ${seq}`, call(`${path}/delete`))
  }
})

t.test('histories: subjects, names, heads and what was said are text', async t => {
  const { host, call } = await peopleServed(t)
  host.model.execute(accountPut(BOB_AOR))
  const { model } = host
  const owners = [{ aor: BOB_AOR, role: 'receiver', peer: HOSTILE }] as const
  const item = { subject: HUGE, from: HOSTILE, to: HOSTILE, callId: HOSTILE, recordingName: HOSTILE }
  const bytes = Buffer.from(
    `MESSAGE ${BOB_AOR} SIP/2.0\r\nSubject: ${HUGE.slice(0, 60_000)}\r\nContent-Type: text/html\r\n\r\n${HOSTILE}`,
    'latin1',
  )
  model.execute(messageKept(1, { item, owners, bytes }))
  model.execute(messageKept(2, { item: { ...item, subject: HOSTILE }, owners }))
  const { record } = model.execute(sessionOpened(3, { subject: HOSTILE })) as { record: number }
  const pieces = [
    sendWritten('a', `${MARKUP}${TURNED}${CONTROLS.replace('\u0000', '')}`),
    sendWritten('b', HOSTILE, { type: latin1(`text/${MARKUP}`) }),
    ...Array.from({ length: 400 }, (_, index) => sendWritten(`c${index}`, MARKUP)),
  ]
  model.execute({ verb: 'history.append', record, pieces, limits: HISTORY_LIMITS })
  const participants = Array(500).fill({ uri: HOSTILE, displayName: HOSTILE, joinedAt: STORED_AT })
  const invite = Buffer.from(`INVITE x SIP/2.0\r\n${`X: ${MARKUP}\r\n`.repeat(2000)}`)
  model.execute({ verb: 'history.close', record, at: STORED_AT, keep: true, participants, heads: { bye: invite } })
  const list = await inert(t, 'history', call('/history/bob'))
  const paths = [...list.matchAll(/href="(\/history\/[^"/?]+\/[^"?]+)"/g)].map(([, path]) => path!)
  t.ok(paths.length >= 3)
  for (const path of paths) await inert(t, path, call(path))
  for (const [, path] of list.matchAll(/href="(\/history\/[^"]+\?peer=[^"]+)"/g))
    t.ok([200, 422].includes((await call(path!.replaceAll('&amp;', '&'))).status), 'as a search')
})

t.test('addresses that lead nowhere are answered so', async t => {
  const { host, call, post } = await peopleServed(t)
  host.model.execute(accountPut(BOB_AOR))
  for (const path of [
    '/users/..%2F..%2Fetc%2Fpasswd',
    '/users/%00',
    '/users/sip%3Abob%40example.org%0d%0aX-Y%3A1',
    `/users/${'x'.repeat(3000)}`,
    '/queue/..%2F..',
    '/queue/%ff',
    '/history/%2e%2e/x',
    '/history/bob/..%2F..%2Fstore',
    '/jobs/..%2F..%2Fetc%2Fpasswd',
    '/jobs/__proto__',
    '/jobs/x/result',
    '/provisioning/__proto__',
  ])
    t.ok([400, 404, 414].includes((await call(path)).status), path)
  for (const aor of ['a b', '<x>', 'x'.repeat(60_000), ''])
    t.equal((await post('/users', { aor })).status, 422, aor.slice(0, 20))
  t.equal((await post('/users', { aor: 'x'.repeat(70_000) })).status, 413)
  for (const body of ['[]', '"x"', '{"aor":1}', '{"aor":null}', '{"aor":"carol","role":"x"}', '{'])
    t.match(
      (await call('/api/v1/users', { method: 'POST', body, headers: { 'content-type': 'application/json' } })).status,
      /^4(?:00|22)$/,
      body,
    )
})
