import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http'
import { fastify } from 'fastify'
import { Counters } from '../../base/counters.ts'
import { silentLog } from '../../base/log.ts'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import { accountWithPassword } from '../../host/accounts.ts'
import { LmdbStore } from '../../host/lmdb.ts'
import { OutsideStore } from '../../host/outside-store.ts'
import { WatchedStore } from '../../host/watched-store.ts'
import { answerChallenge } from '../../sip/digest.ts'
import type { NewMessage, StoreRequest } from '../../store/verbs.ts'
import { SeededEntropy } from '../../testing/seeded-entropy.ts'
import { BOB_AOR, custodyOf, STORED_AT } from '../../testing/store-fixtures.ts'
import { XCAP_PATH, xcap } from './plugin.ts'

export const DOMAIN = 'example.org'
export const ROOT = 'http://edge1.example.org/xcap/'
export const LIST = 'org.openmobilealliance.deferred-list/users/sip:bob@example.org/deferred-list'
export const HISTORY = 'org.openmobilealliance.conv-history/users/sip:bob@example.org/conv-history'
export const SETTINGS = 'org.openmobilealliance.im-service-settings/users/sip:bob@example.org/im-settings'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Asking {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
  readonly user?: string
  readonly password?: string
  /** In place of what the user's password makes. */
  readonly authorization?: string
}

/** The plugin over a store on a disk, bob and alice with passwords, and a client of HTTP and digest that sends paths as they are. */
export async function serveXcap(
  dir: string,
  more: { historyRetentionS?: number | undefined } = { historyRetentionS: 3600 },
) {
  const lmdb = await LmdbStore.open({ dir, hostname: 'edge1.example.org', mapBytes: 2 ** 30, log: silentLog })
  const watched = new WatchedStore(lmdb, silentLog)
  const told: StoreRequest[] = []
  const store = new OutsideStore(watched, changed => told.push(changed))
  const counters = new Counters()
  const clock = { at: 0, isWallTrusted: true }
  const now = (): Now => ({
    at: clock.at as Instant,
    wall: (STORED_AT + clock.at) as WallTime,
    isWallTrusted: clock.isWallTrusted,
  })
  for (const name of ['bob', 'alice', 'a b']) {
    const account = accountWithPassword(`sip:${encodeURIComponent(name)}@${DOMAIN}`, `${name}-secret`, DOMAIN, 'store')
    await store.ask('account.put', { account })
  }
  const app = fastify({ forceCloseConnections: true })
  const parts = { store, domain: DOMAIN, algorithms: ['MD5'] as const, entropy: new SeededEntropy(1), log: silentLog }
  app.register(xcap({ ...parts, counters, now, root: ROOT, ...more }))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const send = (path: string, asking: Asking = {}): Promise<Reply> => exchange({ port, path }, asking)
  let challenge = ''
  let count = 0
  /** Answers the challenge; `path` is sent as it stands, behind the root. */
  const ask = async (target: string, asking: Asking = {}): Promise<Reply> => {
    const path = target.startsWith('/') ? target : XCAP_PATH + target
    const { method = 'GET', user = 'bob', password = `${user}-secret` } = asking
    if (challenge === '') challenge = challengeOf(await send(XCAP_PATH))
    const answer = { method, uri: path, username: user, password, entropy: new SeededEntropy(++count), count }
    const authorization = asking.authorization ?? answerChallenge(challenge, answer)!
    return send(path, { ...asking, authorization })
  }
  const keep = (number: number, message: Partial<NewMessage> = {}) => {
    const { message: whole, limits } = custodyOf(number, message)
    return store.ask('custody', { message: whole, limits })
  }
  return {
    ask,
    send,
    keep,
    store,
    counters,
    clock,
    told,
    port,
    /** Another nonce from now on. */
    forget: () => {
      challenge = ''
    },
    close: async () => {
      await app.close()
      await watched.close()
    },
  }
}

export const challengeOf = ({ headers }: Reply): string => headers['www-authenticate']!

function exchange(to: RequestOptions, asking: Asking): Promise<Reply> {
  const { method = 'GET', headers = {}, body, authorization } = asking
  return new Promise((resolve, reject) => {
    const own = { ...headers, ...(authorization !== undefined && { authorization }) }
    const sent = request({ host: '127.0.0.1', ...to, method, headers: own, agent: false }, response => {
      const pieces: Buffer[] = []
      response.on('data', piece => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(pieces).toString() }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Headers of a message, without its body. */
export const messageBytes = (lines: readonly string[]): Buffer =>
  Buffer.from(`MESSAGE ${BOB_AOR} SIP/2.0\r\n${lines.map(line => `${line}\r\n`).join('')}\r\nhello`)
