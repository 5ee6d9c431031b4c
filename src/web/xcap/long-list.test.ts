import { request } from 'node:http'
import { fastify } from 'fastify'
import t from 'tap'
import { Counters } from '../../base/counters.ts'
import { silentLog } from '../../base/log.ts'
import type { Instant } from '../../base/time.ts'
import { accountWithPassword } from '../../host/accounts.ts'
import { answerChallenge } from '../../sip/digest.ts'
import type { Verb, Verbs } from '../../store/verbs.ts'
import { SeededEntropy } from '../../testing/seeded-entropy.ts'
import { BOB_AOR, STORED_AT } from '../../testing/store-fixtures.ts'
import { XCAP_PATH, xcap } from './plugin.ts'
import { DOMAIN, LIST, messageBytes, ROOT } from './xcap.fixture.ts'

const COUNT = 100_000
const ACCOUNT = accountWithPassword(BOB_AOR, 'bob-secret', DOMAIN, 'store')

/** A mailbox of 100,000 that is nowhere in memory, with a count of how much of it is under way at a time. */
function longMailbox() {
  const head = messageBytes([`Subject: ${'x'.repeat(200)}`])
  const seen = { pages: 0, rows: 0 }
  const replies: { [V in Verb]?: (request: never) => Verbs[V]['reply'] } = {
    'account.get': () => ACCOUNT,
    'mailbox.version': () => ({ version: 'v', newestSeq: COUNT }),
    mailbox: ({ afterSeq, limit }: Verbs['mailbox']['request']) => {
      seen.pages++
      const rows = Array.from({ length: Math.min(limit, COUNT - afterSeq) }, (_, at) => ({
        seq: afterSeq + at + 1,
        storeId: `sip:${afterSeq + at + 1}@edge1.example.org`,
        size: 100,
        receivedAt: STORED_AT,
        expiresAt: STORED_AT,
        isUrgent: false,
        attempts: 0,
        sender: '',
        head,
      }))
      seen.rows += rows.length
      return rows
    },
  }
  const ask = async (verb: Verb, asked: unknown) => ({ value: replies[verb]!(asked as never) })
  return { seen, store: { ask: ask as never } }
}

t.test('DM-STO-14: a list of 100,000 goes out page by page, no faster than it is read', async t => {
  const { seen, store } = longMailbox()
  const now = () => ({ at: 0 as Instant, wall: STORED_AT, isWallTrusted: false })
  const parts = { store, domain: DOMAIN, algorithms: ['MD5'] as const, entropy: new SeededEntropy(1), log: silentLog }
  const app = fastify({ forceCloseConnections: true })
  app.register(xcap({ ...parts, counters: new Counters(), now, root: ROOT }))
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as { port: number }
  const path = XCAP_PATH + LIST
  const first = await fetch(`http://127.0.0.1:${port}${path}`)
  const answer = { method: 'GET', uri: path, username: 'bob', password: 'bob-secret', entropy: new SeededEntropy(2) }
  const authorization = answerChallenge(first.headers.get('www-authenticate')!, answer)!
  const length = await new Promise<number>((resolve, reject) => {
    request({ port, path, headers: { authorization }, agent: false }, response => {
      let bytes = 0
      let last = ''
      // Nobody reads: what is made then fits the buffers of two sockets.
      response.once('readable', () => {
        const before = seen.rows
        t.ok(before < COUNT / 2, `${before} rows were made for nobody`)
        response.on('data', (piece: Buffer) => {
          bytes += piece.length
          last = (last + piece.toString()).slice(-100)
        })
      })
      response.on('end', () => {
        t.match(last, /<\/history>\n<\/history-list>$/)
        resolve(bytes)
      })
      response.on('error', reject)
    })
      .on('error', reject)
      .end()
  })
  t.equal(seen.rows, COUNT)
  t.ok(length > COUNT * 300, 'all of them')
})
