import type { Flow } from '../base/flow.ts'
import { udpFlow } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import { OwnAddresses } from '../im/own-addresses.ts'
import type { ForwardTarget } from '../sip/forward.ts'
import { InviteRelay, type InviteRelayParts } from '../sip/invite-relay.ts'
import type { RelayEvents, RelayedMedia } from '../sip/relay-types.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { value } from '../sip-parser-lite/access.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import { reasonPhrase, responseTo } from '../sip-parser-lite/respond.ts'
import { toTag } from '../sip-parser-lite/typed.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { ALICE, LISTENERS, type Sent, SipWire, type WireSettings } from './sip-wire.ts'

const LOCAL = { address: '192.0.2.1', port: 5060 }

/** Where two phones of bob's are, over the flows that they registered by. */
export const DESK = udpFlow(LOCAL, { address: '192.0.2.21', port: 5060 })
export const POCKET = udpFlow(LOCAL, { address: '192.0.2.22', port: 5060 })
export const target = (to: ForwardTarget['to'], ...routes: string[]): ForwardTarget => {
  const address = 'id' in to ? to.remote.address : to.address
  return { uri: `sip:bob@${address}:5060`, routes, to }
}

/** Alice as she would be behind a NAT: her Contact is not where her packets come from. */
export const ALICE_CONTACT = 'Contact: <sip:alice@10.0.0.7:5070>'

export interface Message {
  readonly headers?: readonly string[]
  readonly flow?: Flow
  readonly via?: readonly string[]
  readonly toTag?: string
  readonly fromTag?: string
  readonly callId?: string
  readonly seq?: number
  readonly uri?: string
  readonly branch?: string
}

interface RelaySettings extends WireSettings, Partial<Pick<InviteRelayParts, 'locate' | 'isTrusted' | 'callsMax'>> {
  readonly targets?: readonly ForwardTarget[]
  readonly limitMs?: number
  /** A failure is passed on, and silence is 480, as a layer above without custody would do. */
  readonly answersFailures?: boolean
  readonly media?: RelayedMedia
}

/** A relay over a real transaction layer; caller and phones are played by the test. */
export class RelayWire {
  readonly wire: SipWire
  readonly relay: InviteRelay
  /** What the layer above heard: `answered`, `failed 486`, `failed no answer`, `cancelled`; and ACKs and requests that are not the relay's. */
  readonly events: string[] = []
  transaction: ServerTransaction | undefined
  /** The last answer that onFailed brought. */
  failure: SipResponse | 'no answer' | undefined
  targets: readonly ForwardTarget[]
  #seq = 100

  constructor(settings: RelaySettings = {}) {
    this.wire = new SipWire(settings)
    this.targets = settings.targets ?? [target(DESK), target(POCKET)]
    const { timers, counters, layer, transport } = this.wire
    const own = new OwnAddresses(settings.hostname ?? 'edge1.example.org', settings.listeners ?? LISTENERS, [])
    this.relay = new InviteRelay({
      timers,
      counters,
      layer,
      entropy: new SeededEntropy(4),
      log: silentLog,
      userAgent: 'IM-serv/OMA1.0 edge/1.0',
      isAlive: flow => transport.isAlive(flow),
      contactUri: to => own.contactUri(to),
      isOwnVia: (host, port) => own.isOwnVia(host, port),
      isTrusted: settings.isTrusted ?? (() => false),
      realm: 'example.org',
      ...(settings.locate && { locate: settings.locate }),
      ...(settings.callsMax && { callsMax: settings.callsMax }),
    })
    layer.user = {
      onRequest: (now, transaction, request) => {
        if (toTag(request) === undefined && request.method === 'INVITE') return this.#call(transaction, settings)
        if (this.relay.relayInDialog(now, transaction, request)) return
        this.events.push(`not relayed: ${request.method}`)
        transaction.respond(now, responseTo(request, 481, undefined, 'edge'))
      },
      onAck: (now, request) => {
        if (!this.relay.relayAck(now, request)) this.events.push(`not relayed: ACK ${value(request, 'cseq')}`)
      },
      onStrayResponse: (_now, response) => this.events.push(`stray: ${response.status}`),
    }
  }

  #call(transaction: ServerTransaction, settings: RelaySettings): void {
    const { limitMs = 60_000, answersFailures = false, media } = settings
    this.transaction = transaction
    const events: RelayEvents = {
      onFailed: (now, answer) => {
        this.failure = answer
        const silence = responseTo(transaction.request, 480, undefined, 'edge')
        if (answersFailures) transaction.respond(now, answer === 'no answer' ? silence : answer)
        this.events.push(`failed ${answer === 'no answer' ? answer : answer.status}`)
      },
      onAnswered: () => this.events.push('answered'),
      onCancelled: () => this.events.push('cancelled'),
    }
    this.relay.relay(this.wire.now, transaction, transaction.request, this.targets, limitMs, events, media)
  }

  /** Alice calls bob; what the phones get, in the order of the targets. */
  ring(message: Message = {}): string[] {
    this.send('INVITE', { seq: 1, branch: 'z9hG4bKcall', headers: [ALICE_CONTACT], ...message })
    return this.texts()
  }

  /** Somebody sends this: alice out of any dialog unless told otherwise. */
  send(method: string, message: Message = {}): void {
    const { headers = [], flow = ALICE, seq = ++this.#seq, callId = 'call-1', uri = 'sip:bob@example.org' } = message
    const sentBy = `${flow.remote.address}:${flow.remote.port}`
    const branch = message.branch ?? `z9hG4bK${method}${seq}`
    const vias = message.via ?? [`SIP/2.0/${flow.transport.toUpperCase()} ${sentBy};branch=${branch}`]
    const [from, to] = message.fromTag === undefined || message.fromTag === 'a1' ? ['alice', 'bob'] : ['bob', 'alice']
    const lines = [
      `${method} ${uri} SIP/2.0`,
      ...vias.map(via => `Via: ${via}`),
      ...(headers.some(line => line.startsWith('Max-Forwards')) ? [] : ['Max-Forwards: 70']),
      `From: <sip:${from}@example.org>;tag=${message.fromTag ?? 'a1'}`,
      `To: <sip:${to}@example.org>${message.toTag ? `;tag=${message.toTag}` : ''}`,
      `Call-ID: ${callId}`,
      `CSeq: ${seq} ${method}`,
      ...headers,
      'Content-Length: 0',
    ]
    this.wire.receive([...lines, '', ''].join('\r\n'), flow)
  }

  /** Alice cancels the call. */
  cancel(): void {
    this.send('CANCEL', { seq: 1, branch: 'z9hG4bKcall' })
  }

  /** Whoever got this request answers it; Record-Route is copied as RFC 3261 12.1.1 has it. */
  reply(
    request: string,
    status: number,
    { toTag: tag = 'desk', headers = [], flow = DESK, ...forged }: Message = {},
  ): void {
    const lines = request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n')
    const kept = lines
      .filter(line => /^(Via|From|Call-ID|CSeq|Record-Route):/.test(line))
      .map(line => {
        if (forged.callId !== undefined && line.startsWith('Call-ID')) return `Call-ID: ${forged.callId}`
        if (forged.fromTag !== undefined && line.startsWith('From'))
          return line.replace(/;tag=.*/, `;tag=${forged.fromTag}`)
        if (forged.seq !== undefined && line.startsWith('CSeq')) return line.replace(/\d+/, String(forged.seq))
        return line
      })
    const to = lines.find(line => line.startsWith('To:'))!
    const tagged = status === 100 || to.includes(';tag=') ? to : `${to};tag=${tag}`
    const start = `SIP/2.0 ${status} ${reasonPhrase(status)}`
    this.wire.receive([start, ...kept, tagged, ...headers, 'Content-Length: 0', '', ''].join('\r\n'), flow)
  }

  /** The phone at the desk answers and alice acknowledges; what was sent so far is taken. Gives the Route values of alice's side. */
  confirm(message: Message = {}, answer: Message = {}): { toDesk: string[]; toAlice: string[] } {
    const [invite] = this.ring(message)
    this.reply(invite!, 200, { headers: ['Contact: <sip:bob@192.0.2.21:5060>'], ...answer })
    const ok = this.texts().findLast(text => text.startsWith('SIP/2.0 200'))!
    const toAlice = allOf(ok, 'Record-Route')
    const routes = { toDesk: [...toAlice].reverse(), toAlice }
    const { flow = ALICE, callId = 'call-1' } = message
    const headers = routes.toDesk.map(route => `Route: ${route}`)
    this.send('ACK', { seq: 1, toTag: 'desk', uri: 'sip:bob@192.0.2.21:5060', headers, flow, callId })
    this.texts()
    this.events.length = 0
    return routes
  }

  sent(): Sent[] {
    return this.wire.take()
  }

  texts(): string[] {
    return this.sent().map(({ text }) => text)
  }

  /** What went out since the last call, e.g. `192.0.2.21 INVITE`, `192.0.2.10 180`. */
  lines(): string[] {
    return this.sent().map(({ flow, text }) => `${flow.remote.address} ${startOf(text)}`)
  }

  pass(ms: number): void {
    this.wire.runTo(this.wire.now.at + ms)
  }
}

const startOf = (text: string): string =>
  text.startsWith('SIP/2.0 ') ? text.slice(8, 11) : text.slice(0, text.indexOf(' '))

/** Every value of a header of a message of ours, one to a line. */
export const allOf = (text: string, name: string): string[] =>
  text
    .split('\r\n')
    .filter(line => line.startsWith(`${name}:`))
    .map(line => line.slice(name.length + 1).trim())
