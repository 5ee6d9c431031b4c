import { Resolver } from 'node:dns/promises'
import { parseAddress } from '../base/address.ts'
import type { DnsQuestion, DnsRecord } from '../base/dns.ts'
import { codeOf } from './plain-error.ts'

/** A next hop that resolves later than this is of no use to the transaction that waits (RFC 3261 timer B is 32 s). */
const QUERY_TIMEOUT_MS = 2000
const TRIES = 2

/** Answers kept, oldest out first: some 300 bytes each. */
const CACHE_MAX = 1000

/** Questions on the way; past it the answer is empty at once, as if the name did not exist. */
const OUTSTANDING_MAX = 256

/** SRV and NAPTR come without their TTL here; a name that is not there may be there soon. */
const DEFAULT_TTL_S = 60
const NEGATIVE_TTL_S = 10
const TTL_MAX_S = 3600

type Answer = readonly DnsRecord[]

/** What is asked of the system's name servers, so that a test can put its own in place. */
export type Lookup = Pick<Resolver, 'resolve4' | 'resolve6' | 'resolveSrv' | 'resolveNaptr'>

/** RFC 3263 questions answered by the system's name servers; numeric names and `localhost` without asking anybody. */
export class Dns {
  readonly #lookup: Lookup
  readonly #now: () => number
  readonly #cache = new Map<string, { answer: Answer; until: number }>()
  readonly #outstanding = new Map<string, Promise<Answer>>()

  constructor(
    lookup: Lookup = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: TRIES }),
    now = () => performance.now(),
  ) {
    this.#lookup = lookup
    this.#now = now
  }

  /** Never rejects: no answer and no such name are both an empty list. */
  async ask(question: DnsQuestion): Promise<Answer> {
    const known = withoutAsking(question)
    if (known) return known
    const key = `${question.kind} ${question.name.toLowerCase()}`
    const cached = this.#cache.get(key)
    if (cached && cached.until > this.#now()) return cached.answer
    const running = this.#outstanding.get(key)
    if (running) return running
    if (this.#outstanding.size >= OUTSTANDING_MAX) return []
    const asked = this.#resolve(key, question)
    this.#outstanding.set(key, asked)
    return asked
  }

  async #resolve(key: string, question: DnsQuestion): Promise<Answer> {
    const found = await this.#query(question)
    this.#outstanding.delete(key)
    this.#cache.delete(key)
    this.#cache.set(key, { answer: found.answer, until: this.#now() + Math.min(found.ttlS, TTL_MAX_S) * 1000 })
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= CACHE_MAX) break
      this.#cache.delete(oldest)
    }
    return found.answer
  }

  async #query(question: DnsQuestion): Promise<{ answer: Answer; ttlS: number }> {
    try {
      return await this.#records(question)
    } catch (error) {
      // The name is not there, or has no record of this kind; anything else (timeout, server failure) is asked anew.
      const isAbsent = ['ENOTFOUND', 'ENODATA'].includes(codeOf(error))
      return { answer: [], ttlS: isAbsent ? NEGATIVE_TTL_S : 0 }
    }
  }

  async #records({ kind, name }: DnsQuestion): Promise<{ answer: Answer; ttlS: number }> {
    if (kind === 'NAPTR') {
      const rows = await this.#lookup.resolveNaptr(name)
      return { answer: rows.map(row => ({ kind, ...row })), ttlS: DEFAULT_TTL_S }
    }
    if (kind === 'SRV') {
      const rows = await this.#lookup.resolveSrv(name)
      return { answer: rows.map(row => ({ kind, ...row })), ttlS: DEFAULT_TTL_S }
    }
    const rows = await (kind === 'A'
      ? this.#lookup.resolve4(name, { ttl: true })
      : this.#lookup.resolve6(name, { ttl: true }))
    return { answer: rows.map(row => ({ kind, address: row.address })), ttlS: Math.min(...rows.map(row => row.ttl)) }
  }
}

/** RFC 6761 6.3 for `localhost`. */
function withoutAsking({ kind, name }: DnsQuestion): Answer | undefined {
  const plain = name.toLowerCase().replace(/\.$/, '')
  const isLocal = plain === 'localhost' || plain.endsWith('.localhost')
  const family = isLocal ? undefined : parseAddress(plain)
  if (!isLocal && !family) return undefined
  if (kind === 'A' && (isLocal || family?.length === 4)) return [{ kind, address: isLocal ? '127.0.0.1' : plain }]
  if (kind === 'AAAA' && (isLocal || family?.length === 16)) return [{ kind, address: isLocal ? '::1' : plain }]
  return []
}
