import { addLast, value, values } from '../sip-parser-lite/access.ts'
import type { SipMessage, SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { callId, cseq, fromTag, parseContacts, parseNameAddr, toTag } from '../sip-parser-lite/typed.ts'
import { encodeUri, parseUri } from '../sip-parser-lite/uri.ts'

/** A header to send. */
export type Header = readonly [name: string, value: string]

/** A dialog as a plain value. */
export interface DialogState {
  readonly callId: string
  /** Our From or To value, tag included, and the peer's. */
  readonly local: string
  readonly remote: string
  readonly localTag: string
  /** Empty for a peer of RFC 2543 (RFC 3261 12.1). */
  readonly remoteTag: string
  /** Route values in the order in which we use them. */
  readonly routeSet: readonly string[]
  readonly remoteTarget: string
  readonly localSeq: number
  /** Undefined until the peer has sent a request. */
  readonly remoteSeq?: number
  /** We made the Call-ID (RFC 3261 14.1). */
  readonly isCaller: boolean
}

/** RFC 3261 16.6 item 3: what a request starts with. */
const MAX_FORWARDS = '70'

/**
 * RFC 3261 12: a peer-to-peer relation of two user agents. Holds no timer and
 * sends nothing itself. Made of malformed headers it throws SipSyntaxError 400.
 */
export class Dialog {
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  readonly routeSet: readonly string[]
  readonly isCaller: boolean
  readonly #local: string
  readonly #remote: string
  readonly #firstRoute: FirstRoute | undefined
  #remoteTarget: string
  #localSeq: number
  #remoteSeq: number | undefined

  constructor(state: DialogState) {
    this.callId = state.callId
    this.localTag = state.localTag
    this.remoteTag = state.remoteTag
    this.routeSet = state.routeSet
    this.isCaller = state.isCaller
    this.#local = state.local
    this.#remote = state.remote
    this.#firstRoute = readFirstRoute(state.routeSet)
    this.#remoteTarget = state.remoteTarget
    this.#localSeq = state.localSeq
    this.#remoteSeq = state.remoteSeq
  }

  /**
   * RFC 3261 12.1.2, by a response to the request that we sent. A
   * peer that forgot its Contact is reached as the request was.
   */
  static ofClient(request: SipRequest, response: SipResponse): Dialog {
    return new Dialog({
      callId: callId(request),
      local: value(request, 'from') ?? '',
      remote: value(response, 'to') ?? '',
      localTag: fromTag(request) ?? '',
      remoteTag: toTag(response) ?? '',
      routeSet: values(response, 'record-route').reverse(),
      remoteTarget: contactUri(response) ?? request.uri,
      localSeq: cseq(request).seq,
      isCaller: true,
    })
  }

  /** RFC 3261 12.1.1, by a request that we answer with `localTag`. Throws SipSyntaxError 400 when it has no Contact. */
  static ofServer(request: SipRequest, localTag: string): Dialog {
    const remoteTarget = contactUri(request)
    if (remoteTarget === undefined) throw new SipSyntaxError(400, 'Missing Contact header')
    return new Dialog({
      callId: callId(request),
      local: `${value(request, 'to')};tag=${localTag}`,
      remote: value(request, 'from') ?? '',
      localTag,
      remoteTag: fromTag(request) ?? '',
      routeSet: values(request, 'record-route'),
      remoteTarget,
      localSeq: 0,
      remoteSeq: cseq(request).seq,
      isCaller: false,
    })
  }

  get remoteTarget(): string {
    return this.#remoteTarget
  }

  get state(): DialogState {
    const { callId, localTag, remoteTag, routeSet, isCaller } = this
    return {
      callId,
      local: this.#local,
      remote: this.#remote,
      localTag,
      remoteTag,
      routeSet,
      remoteTarget: this.#remoteTarget,
      localSeq: this.#localSeq,
      ...(this.#remoteSeq !== undefined && { remoteSeq: this.#remoteSeq }),
      isCaller,
    }
  }

  get key(): string {
    return dialogKey(this.callId, this.localTag, this.remoteTag)
  }

  /** RFC 3261 12.2.1.1 and 8.1.2: where a request goes, before DNS. */
  get nextHop(): string {
    return this.#firstRoute?.uri ?? this.#remoteTarget
  }

  /** A request of this dialog with the next sequence number; Via is the transaction layer's. */
  request(method: string, headers: readonly Header[] = [], body: Buffer = Buffer.alloc(0)): SipRequest {
    this.#localSeq++
    return this.#compose(method, this.#localSeq, headers, body)
  }

  /** RFC 3261 13.2.2.4: the ACK to a 2xx has the number of the INVITE that it acknowledges. */
  ack(seq: number): SipRequest {
    return this.#compose('ACK', seq, [], Buffer.alloc(0))
  }

  /** RFC 3261 12.2.2: false for a request out of order, which deserves 500; else its number is the latest. */
  accept(request: SipRequest): boolean {
    const { seq } = cseq(request)
    if (this.#remoteSeq !== undefined && seq < this.#remoteSeq) return false
    this.#remoteSeq = seq
    return true
  }

  /** RFC 3261 12.2.1.2, 12.2.2: the peer's Contact URI of a re-INVITE or UPDATE of either side. */
  retarget(uri: string): void {
    this.#remoteTarget = uri
  }

  #compose(method: string, seq: number, headers: readonly Header[], body: Buffer): SipRequest {
    const { uri, routes } = this.#routed()
    const request: SipRequest = { kind: 'request', method, uri, headers: [], body }
    for (const route of routes) addLast(request, 'Route', route)
    addLast(request, 'Max-Forwards', MAX_FORWARDS)
    addLast(request, 'From', this.#local)
    addLast(request, 'To', this.#remote)
    addLast(request, 'Call-ID', this.callId)
    addLast(request, 'CSeq', `${seq} ${method}`)
    for (const [name, text] of headers) addLast(request, name, text)
    return request
  }

  /** RFC 3261 12.2.1.1: a first route without lr is a strict router, which expects itself in the Request-URI. */
  #routed(): { uri: string; routes: readonly string[] } {
    const first = this.#firstRoute
    if (!first) return { uri: this.#remoteTarget, routes: [] }
    if (first.isLoose) return { uri: this.#remoteTarget, routes: this.routeSet }
    return { uri: first.requestUri, routes: [...this.routeSet.slice(1), `<${this.#remoteTarget}>`] }
  }
}

interface FirstRoute {
  readonly uri: string
  readonly isLoose: boolean
  /** RFC 3261 19.1.1: without what a Request-URI may not have, a method parameter and headers. */
  readonly requestUri: string
}

function readFirstRoute(routeSet: readonly string[]): FirstRoute | undefined {
  const first = routeSet[0]
  if (first === undefined) return undefined
  const { uri } = parseNameAddr(first, 'Route')
  const { headers: _, params, ...rest } = parseUri(uri)
  const plain = { ...rest, params: new Map([...params].filter(([name]) => name !== 'method')) }
  return { uri, isLoose: params.has('lr'), requestUri: encodeUri(plain) }
}

/** RFC 3261 12: what identifies a dialog on our side. */
export const dialogKey = (id: string, localTag: string, remoteTag: string): string => `${id}\n${localTag}\n${remoteTag}`

/** The URI of the one Contact; undefined without any. Throws SipSyntaxError 400. */
export function contactUri(message: SipMessage): string | undefined {
  const contacts = parseContacts(values(message, 'contact'))
  const uri = contacts === '*' ? undefined : contacts[0]?.uri
  if (uri !== undefined) parseUri(uri)
  return uri
}
