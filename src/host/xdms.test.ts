import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { Instant } from '../base/time.ts'
import { readXml } from '../content/xml-read.ts'
import { Digest, ha1 } from '../sip/digest.ts'
import { HostStore } from '../testing/host-store.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { ALICE_AOR, accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { WatchedStore } from './watched-store.ts'
import { Xdms } from './xdms.ts'
import { XdmsClient } from './xdms-client.ts'

const now = () => ({ at: 0 as Instant, wall: STORED_AT, isWallTrusted: true })
const pathOf = (user: string): string =>
  `/services/org.openmobilealliance.deferred-list/users/sip:${user}@example.org/deferred-list`

/** Another document server that answers what the test says, and what it was sent. */
async function setUp(t: Test, users: readonly string[] = [BOB_AOR]) {
  const store = new WatchedStore(new HostStore(), silentLog)
  for (const aor of users) await store.ask('account.put', { account: accountPut(aor).account })
  const written = new Map<string, number>()
  const lines: string[] = []
  let answer = (_request: IncomingMessage, response: ServerResponse): void => void response.writeHead(201).end()
  const waiting: { until: () => boolean; done: () => void }[] = []
  const wake = (): void => {
    for (const one of waiting.splice(0)) {
      if (one.until()) one.done()
      else waiting.push(one)
    }
  }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', piece => pieces.push(piece))
    response.on('close', () => {
      const isTaken = request.method === 'PUT' && response.writableFinished && response.statusCode < 300
      if (isTaken) written.set(request.url!, readXml(Buffer.concat(pieces)).root.children.length)
      lines.push(`${request.method} ${request.url} ${response.writableFinished ? response.statusCode : 'cut'}`)
      wake()
    })
    request.on('end', () => {
      answer(request, response)
      wake()
    })
  })
  await new Promise<void>(resolve => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  const { port } = server.address() as { port: number }
  const root = `http://127.0.0.1:${port}/services/`
  const client = new XdmsClient({ root, user: 'box', password: 'secret', ca: [], entropy: new SeededEntropy(1) })
  const counters = new Counters()
  const entropy = new SeededEntropy(2)
  const xdms = new Xdms({ store, client, now, entropy, counters, log: silentLog, retryMinMs: 4 })
  t.teardown(async () => {
    await xdms.close()
    server.closeAllConnections()
    server.close()
  })
  const seen = (until: () => boolean): Promise<void> =>
    until() ? Promise.resolve() : new Promise(done => void waiting.push({ until, done }))
  const keep = async (number: number): Promise<void> => {
    const { message, limits } = custodyOf(number)
    await store.ask('custody', { message, limits })
    xdms.changed(BOB_AOR)
  }
  const answering = (run: typeof answer): void => void (answer = run)
  return { store, xdms, written, lines, seen, keep, answering, counters }
}

t.test('DM-STO-14: at the start every user’s list is written, then those that change', async t => {
  const { xdms, written, seen, keep, lines, store } = await setUp(t, [ALICE_AOR, BOB_AOR])
  xdms.start()
  await seen(() => written.size === 2)
  t.strictSame(
    [...written],
    [
      [pathOf('alice'), 0],
      [pathOf('bob'), 0],
    ],
  )
  await keep(1)
  await keep(2)
  await seen(() => written.get(pathOf('bob')) === 2)
  t.equal(written.get(pathOf('alice')), 0)
  await store.ask('account.remove', { aor: BOB_AOR, at: STORED_AT })
  xdms.changed(BOB_AOR)
  await seen(() => lines.includes(`DELETE ${pathOf('bob')} 201`))
  t.pass('with the account the document goes')
})

t.test('RFC 7616: the server says how to log in before a document is sent', async t => {
  const { xdms, written, seen, lines, answering } = await setUp(t)
  const digest = new Digest({ realm: 'xdms', entropy: new SeededEntropy(3), counters: new Counters() })
  answering((request, response) => {
    const { method = '', url = '', headers } = request
    const account = { ha1Md5: ha1('box', 'xdms', 'secret', 'MD5') }
    const authorization = headers.authorization === undefined ? [] : [headers.authorization]
    const { result } = digest.check(now(), { method, uri: url, authorization, account })
    if (result === 'ok') return void response.writeHead(200).end()
    const challenges = digest.challenge(now(), { algorithms: ['SHA-256', 'MD5'] }).filter(text => /MD5/.test(text))
    response.writeHead(401, { 'www-authenticate': ['Basic realm="x"', ...challenges] }).end()
  })
  xdms.start()
  await seen(() => written.size === 1)
  t.strictSame(lines, [`HEAD ${pathOf('bob')} 401`, `PUT ${pathOf('bob')} 200`])
  xdms.changed(BOB_AOR)
  await seen(() => lines.length === 3)
  t.equal(lines[2], `PUT ${pathOf('bob')} 200`, 'the nonce serves again')
})

t.test('a server that is not well is tried again until it is, and what changed meanwhile is one write', async t => {
  const { xdms, written, seen, keep, lines, answering, counters } = await setUp(t)
  let failures = 0
  let isWell = false
  answering((request, response) => {
    if (request.method === 'HEAD' || isWell) return void response.writeHead(200).end()
    if (failures++ % 2 === 0) response.destroy()
    else response.writeHead(503).end()
  })
  xdms.start()
  for (const number of [1, 2, 3]) await keep(number)
  await seen(() => failures === 4)
  isWell = true
  await seen(() => written.size === 1)
  t.equal(written.get(pathOf('bob')), 3)
  t.ok((counters.get('xdms_writes', 'failed') ?? 0) >= 3)
  t.equal(lines.filter(line => line === `PUT ${pathOf('bob')} 200`).length, 1, 'one for all that changed')
})

t.test('a list that is refused keeps nobody else’s back, and is written again when it changes', async t => {
  const { xdms, written, seen, keep, lines, answering, counters } = await setUp(t, [ALICE_AOR, BOB_AOR])
  let isRefused = true
  answering((request, response) => {
    const status = isRefused && request.url === pathOf('bob') && request.method === 'PUT' ? 409 : 200
    response.writeHead(status).end()
  })
  xdms.start()
  await seen(() => written.size === 1 && lines.includes(`PUT ${pathOf('bob')} 409`))
  isRefused = false
  await keep(1)
  await seen(() => written.get(pathOf('bob')) === 1)
  t.equal(counters.get('xdms_writes', '409'), 1)
})

t.test('no two writes of one user at a time: the last one counts', async t => {
  const { xdms, written, seen, keep, answering, lines } = await setUp(t)
  const held: (() => void)[] = []
  answering((request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(200).end()
    held.push(() => response.writeHead(200).end())
  })
  xdms.start()
  await seen(() => held.length === 1)
  await keep(1)
  await keep(2)
  t.match(xdms.describe(), { waiting: 1, underWay: 1 })
  answering((_request, response) => void response.writeHead(200).end())
  held[0]!()
  await seen(() => written.get(pathOf('bob')) === 2)
  t.equal(lines.filter(line => line.startsWith('PUT')).length, 2)
})

t.test('a box that stops waits for nobody', async t => {
  const { xdms, seen, answering } = await setUp(t)
  let isAsked = false
  answering(() => {
    isAsked = true
  })
  xdms.start()
  await seen(() => isAsked)
  await xdms.close()
  t.match(xdms.describe(), { underWay: 0 })
})
