import type { DnsQuestion, DnsRecord, NaptrRecord, SrvRecord } from '../base/dns.ts'
import type { Entropy } from '../base/entropy.ts'
import { randomBelow } from '../base/entropy.ts'
import type { Transport } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import type { SipUri } from '../sip-parser-lite/uri.ts'
import type { Hop, Listener } from './transport.ts'
import { defaultPort, isNumericHost, isSameFamily } from './via.ts'

/** Answers each question once, now or later; what failed or does not exist is an empty answer. */
export interface Resolver {
  ask(now: Now, question: DnsQuestion, answer: (now: Now, records: readonly DnsRecord[]) => void): void
}

interface HopParts {
  readonly resolver: Resolver
  readonly entropy: Entropy
  /** Only hops that one of these can reach are given. */
  readonly listeners: readonly Listener[]
}

/** Whoever answers our questions may name ever more servers; a request has no time for more than these (64*T1 each). */
const HOPS_MAX = 8
/** Services of a domain and servers of a service that are looked at; each server costs two questions. */
const SERVICES_MAX = 4
const SERVERS_MAX = 8
/** RFC 1035 2.3.4. */
const NAME_LENGTH_MAX = 253

/** A transport with the port its SRV record, the URI or the default gives. */
interface Target {
  readonly transport: Transport
  readonly name: string
  readonly port: number
}

/** RFC 3263 4: where a request for `uri` can be sent, best first; at most eight, none if there is no way. `done` is called once. */
export function nextHops(now: Now, uri: SipUri, parts: HopParts, done: (now: Now, hops: Hop[]) => void): void {
  new Search(uri, parts, done).start(now)
}

type Continue<T> = (now: Now, value: T) => void

class Search {
  readonly #uri: SipUri
  readonly #parts: HopParts
  readonly #done: Continue<Hop[]>
  readonly #transports: readonly Transport[]
  readonly #isTransportFree: boolean
  constructor(uri: SipUri, parts: HopParts, done: Continue<Hop[]>) {
    this.#uri = uri
    this.#parts = parts
    this.#done = done
    const wanted = wantedTransport(uri)
    this.#isTransportFree = wanted === undefined
    this.#transports = usable(uri.scheme, parts.listeners).filter(
      transport => wanted === undefined || transport === wanted,
    )
  }

  start(now: Now): void {
    const uri = this.#uri
    const target = plain(uri.params.get('maddr') ?? uri.host)
    const first = this.#transports[0]
    if (first === undefined || target === '' || target.length > NAME_LENGTH_MAX) this.#done(now, [])
    else if (isNumericHost(target)) this.#done(now, this.#reachable(this.#direct(first, target), [target]))
    else if (uri.port !== undefined) this.#addresses(now, [this.#direct(first, target)])
    else if (this.#isTransportFree) this.#byNaptr(now, target)
    else this.#bySrv(now, target, [serviceName(first, target)], [first])
  }

  /** RFC 3263 4.1: a number or a port needs no service lookup. */
  #direct(transport: Transport, name: string): Target {
    return { transport, name, port: this.#uri.port ?? defaultPort(transport) }
  }

  #byNaptr(now: Now, target: string): void {
    this.#parts.resolver.ask(now, { kind: 'NAPTR', name: target }, (later, records) => {
      const services = records
        .filter(record => record.kind === 'NAPTR')
        .filter(record => record.flags.toLowerCase() === 's' && this.#transportOf(record) !== undefined)
        .sort((a, b) => a.order - b.order || a.preference - b.preference)
        .slice(0, SERVICES_MAX)
      const transports = services.map(record => this.#transportOf(record)!)
      if (services.length > 0)
        this.#bySrv(
          later,
          target,
          services.map(record => record.replacement),
          transports,
        )
      else
        this.#bySrv(
          later,
          target,
          this.#transports.map(transport => serviceName(transport, target)),
          this.#transports,
        )
    })
  }

  #transportOf(record: NaptrRecord): Transport | undefined {
    return this.#transports.find(transport => NAPTR_SERVICES[transport] === record.service.toUpperCase())
  }

  /** RFC 3263 4.2: the servers of each service in turn; a domain without SRV records is a server itself. */
  #bySrv(now: Now, target: string, names: readonly string[], transports: readonly Transport[]): void {
    const questions = names.map((name): DnsQuestion => ({ kind: 'SRV', name }))
    askAll(now, this.#parts.resolver, questions, (later, answers) => {
      const records = answers.map(answer => answer.filter(record => record.kind === 'SRV'))
      const targets = records.flatMap((servers, index) =>
        inTurn(servers.slice(0, SERVERS_MAX * 2), this.#parts.entropy)
          .filter(server => server.name !== '' && server.name !== '.')
          .map(({ name, port }): Target => ({ transport: transports[index]!, name, port })),
      )
      const hasNone = records.every(servers => servers.length === 0)
      this.#addresses(later, hasNone ? [this.#direct(transports[0]!, target)] : targets.slice(0, SERVERS_MAX))
    })
  }

  #addresses(now: Now, targets: readonly Target[]): void {
    const kinds = ['AAAA', 'A'] as const
    const questions = targets.flatMap(({ name }) => kinds.map((kind): DnsQuestion => ({ kind, name })))
    askAll(now, this.#parts.resolver, questions, (later, answers) => {
      const hops = targets.flatMap((target, index) => {
        const records = answers.slice(index * kinds.length, (index + 1) * kinds.length).flat()
        const addresses = records.flatMap(record => ('address' in record ? [record.address] : []))
        return this.#reachable(target, addresses)
      })
      this.#done(later, hops.slice(0, HOPS_MAX))
    })
  }

  #reachable({ transport, port }: Target, addresses: readonly string[]): Hop[] {
    const isReachable = (address: string): boolean =>
      this.#parts.listeners.some(
        listener => listener.transport === transport && isSameFamily(listener.endpoint.address, address),
      )
    const isTransportFree = this.#isTransportFree
    // RFC 5922 7.2: the domain that was asked for, whatever DNS or maddr make of it.
    const name = transport === 'tls' ? { name: plain(this.#uri.host) } : {}
    return addresses.filter(isReachable).map(address => ({ transport, address, port, isTransportFree, ...name }))
  }
}

/** RFC 3263 4.1 and RFC 7118: what a NAPTR record calls each transport. */
const NAPTR_SERVICES: Readonly<Record<Transport, string>> = {
  udp: 'SIP+D2U',
  tcp: 'SIP+D2T',
  tls: 'SIPS+D2T',
  ws: 'SIP+D2W',
  wss: 'SIPS+D2W',
}
/** In the order of RFC 3263 4.1: UDP for sip, TLS for sips. Nobody connects to a WebSocket client. */
const PREFERRED: readonly Transport[] = ['udp', 'tcp', 'tls']

function usable(scheme: string, listeners: readonly Listener[]): Transport[] {
  if (scheme !== 'sip' && scheme !== 'sips') return []
  const transports = scheme === 'sips' ? (['tls'] as const) : PREFERRED
  return transports.filter(transport => listeners.some(listener => listener.transport === transport))
}

const plain = (host: string): string => host.replace(/^\[|\]$/g, '').toLowerCase()

/** RFC 3261 26.2.2: with `sips:` TCP means TLS on TCP. */
function wantedTransport({ scheme, params }: SipUri): string | undefined {
  const wanted = params.get('transport')?.toLowerCase()
  return scheme === 'sips' && wanted === 'tcp' ? 'tls' : wanted
}

const serviceName = (transport: Transport, domain: string): string =>
  transport === 'tls' ? `_sips._tcp.${domain}` : `_sip._${transport}.${domain}`

/** RFC 2782: by priority, and among equals each in turn by chance, as likely as its weight. */
function inTurn(servers: readonly SrvRecord[], entropy: Entropy): SrvRecord[] {
  const left = servers.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight)
  const ordered: SrvRecord[] = []
  while (left.length > 0) {
    const equals = left.filter(server => server.priority === left[0]!.priority)
    const chosen = drawn(equals, entropy)
    ordered.push(chosen)
    left.splice(left.indexOf(chosen), 1)
  }
  return ordered
}

/** `equals` is in order of weight, so that those of weight 0 have the small chance that RFC 2782 gives them. */
function drawn(equals: readonly SrvRecord[], entropy: Entropy): SrvRecord {
  const total = equals.reduce((sum, server) => sum + server.weight, 0)
  let mark = randomBelow(entropy, total + 1)
  for (const server of equals) {
    if (mark <= server.weight) return server
    mark -= server.weight
  }
  return equals[0]!
}

/** All answers in the order of the questions, when the last is here. */
function askAll(
  now: Now,
  resolver: Resolver,
  questions: readonly DnsQuestion[],
  done: Continue<(readonly DnsRecord[])[]>,
): void {
  const answers: (readonly DnsRecord[])[] = questions.map(() => [])
  let missing = questions.length
  if (missing === 0) done(now, answers)
  for (const [index, question] of questions.entries()) {
    resolver.ask(now, question, (later, records) => {
      answers[index] = records
      if (--missing === 0) done(later, answers)
    })
  }
}
