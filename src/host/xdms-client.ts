import { type IncomingMessage, request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Entropy } from '../base/entropy.ts'
import { answerChallenge } from '../sip/digest.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

interface XdmsClientOptions {
  /** URL with `/` at its end. */
  readonly root: string
  /** Empty: none is shown. */
  readonly user: string
  readonly password: string
  /** In PEM, of whoever vouches for servers of `https:`. */
  readonly ca: readonly string[]
  readonly entropy: Entropy
}

/** Nothing said for so long, it is given up. */
const SILENCE_MS = 30_000

interface Exchange {
  readonly method: 'HEAD' | 'PUT' | 'DELETE'
  readonly path: string
  readonly contentType?: string
  /** Made anew for each try. */
  readonly body?: () => Readable
}

/** Speaks HTTP with the other document server and proves who we are: by digest, or by basic over TLS. */
export class XdmsClient {
  readonly #options: XdmsClientOptions
  readonly #root: URL
  #challenges: readonly string[] = []
  #count = 0
  #isAsked = false

  constructor(options: XdmsClientOptions) {
    this.#options = options
    this.#root = new URL(options.root)
  }

  /**
   * The status of the last answer. A document goes out only once the server said how it wants us to log in, so that a long one is not sent twice.
   * Throws what the network throws.
   */
  async send(exchange: Exchange, signal: AbortSignal): Promise<number> {
    if (this.#options.user !== '' && !this.#isAsked) {
      await this.#once({ method: 'HEAD', path: exchange.path }, signal)
      this.#isAsked = true
    }
    const status = await this.#once(exchange, signal)
    return status === 401 && this.#challenges.length > 0 ? this.#once(exchange, signal) : status
  }

  async #once({ method, path, contentType, body }: Exchange, signal: AbortSignal): Promise<number> {
    const { ca } = this.#options
    const url = new URL(this.#root.href + path)
    const authorization = this.#authorization(method, url)
    const headers = {
      ...(authorization !== undefined && { authorization }),
      ...(contentType !== undefined && { 'content-type': contentType }),
    }
    const isSecure = url.protocol === 'https:'
    const options = { method, headers, signal, timeout: SILENCE_MS, agent: false as const }
    const sent = isSecure
      ? secureRequest(url, { ...options, ...TLS_SETTINGS, ca: [...ca] })
      : plainRequest(url, options)
    sent.on('timeout', () => sent.destroy(new Error(`nothing heard for ${SILENCE_MS / 1000} s`)))
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sent.on('response', resolve)
      sent.on('error', reject)
    })
    if (!body) sent.end()
    // An answer may come before the end of what is sent; then the rest is of no use.
    const sending = body ? pipeline(body(), sent).catch(() => {}) : undefined
    const response = await answered
    response.on('error', () => {}).resume()
    const { statusCode = 0 } = response
    if (statusCode === 401) {
      this.#challenges = challengesOf(response)
      this.#count = 0
    }
    if (statusCode < 300) await sending
    sent.destroy()
    return statusCode
  }

  #authorization(method: string, url: URL): string | undefined {
    const { user, password, entropy } = this.#options
    if (user === '') return undefined
    const uri = url.pathname + url.search
    for (const challenge of this.#challenges) {
      const answer = answerChallenge(challenge, {
        method,
        uri,
        username: user,
        password,
        entropy,
        count: ++this.#count,
      })
      if (answer !== undefined) return answer
      if (/^basic\b/i.test(challenge) && url.protocol === 'https:')
        return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    }
    return undefined
  }
}

/** Several may stand in one line (RFC 9110 11.6.1). */
const challengesOf = ({ headersDistinct }: IncomingMessage): string[] =>
  (headersDistinct['www-authenticate'] ?? []).flatMap(line => line.split(/,\s*(?=(?:digest|basic)\s)/i))
