import type { Now } from '../base/time.ts'
import { boundaryOf, parseMultipart } from '../content/multipart.ts'
import type { AnswerChunk, ChunkReceiver } from '../msrp/assembly.ts'
import type { ContinuationFlag, MsrpHead } from '../msrp/frame.ts'
import { LargeCall, type LargeCallOptions } from './large-call.ts'
import type { Phone } from './phone.ts'
import type { Scenario } from './scenario.ts'
import type { SimulatedPhone } from './simulated-phone.ts'

export const HISTORY = 'sip:history@example.org'

/** A SEND as it came. */
export interface GivenSend {
  readonly head: MsrpHead
  readonly body: Buffer
  readonly flag: ContinuationFlag
}

interface GivenPart {
  readonly type: string
  readonly body: Buffer
}

/** One item of a history as a client understands it. */
export interface GivenItem {
  readonly reference: string
  readonly parts: readonly GivenPart[]
  /** Of a session, in order. */
  readonly sends: readonly GivenSend[]
}

/** Takes what a phone is given of its history, SEND by SEND, over any number of calls. */
export class HistoryInbox {
  readonly sends: GivenSend[] = []
  /** Before each is answered. */
  onSend: (now: Now, send: GivenSend, answer: AnswerChunk) => void = (now, _send, answer) => answer(now, 200)

  constructor({ phone }: { readonly phone: Phone }) {
    phone.chunkReceiver = () => this.#receiver()
  }

  /** Those of which everything is here. */
  get items(): GivenItem[] {
    const items: { reference: string; parts: GivenPart[]; sends: GivenSend[] }[] = []
    const begun = new Map<string, Buffer[]>()
    for (const send of this.sends) {
      const { contentType = '', messageId = '' } = send.head
      const boundary = contentType === '' ? undefined : boundaryOf(contentType)
      const bodies = [...(begun.get(messageId) ?? []), send.body]
      begun.set(messageId, bodies)
      const reference = boundary === undefined ? undefined : referenceIn(Buffer.concat(bodies))
      if (boundary === undefined || reference === undefined) items.at(-1)?.sends.push(send)
      else if (send.flag === '$') items.push({ reference, parts: partsOf(Buffer.concat(bodies), boundary), sends: [] })
    }
    return items
  }

  get references(): string[] {
    return this.items.map(({ reference }) => reference)
  }

  #receiver(): ChunkReceiver {
    let head: MsrpHead | undefined
    let body: Buffer[] = []
    return {
      begin: (_now, begun) => {
        head = begun
        body = []
        return 200
      },
      data: (_now, bytes) => {
        body.push(Buffer.from(bytes))
        return 200
      },
      end: (now, flag, answer) => {
        const send = { head: head!, body: Buffer.concat(body), flag }
        this.sends.push(send)
        this.onSend(now, send, answer)
      },
      abandon: () => {},
    }
  }
}

const referenceIn = (body: Buffer): string | undefined => {
  const id = /^--.*\r\nContent-Type: .*\r\nContent-ID: <(h[^>]*)>\r\n/.exec(body.toString('latin1', 0, 1000))?.[1]
  return id === undefined ? undefined : `sip:${id}`
}

const partsOf = (body: Buffer, boundary: string): GivenPart[] =>
  parseMultipart(body, boundary).map(part => ({
    type: part.headers.find(([name]) => name === 'content-type')?.[1] ?? '',
    body: part.body,
  }))

interface HistoryWish extends Partial<LargeCallOptions> {
  /** Parameters of the function's URI. */
  readonly params?: string
  /** Named in a list. */
  readonly references?: readonly string[]
}

const listOf = (references: readonly string[]) => ({
  contentType: 'application/resource-lists+xml',
  body:
    '<?xml version="1.0" encoding="UTF-8"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>' +
    `${references.map(uri => `<entry uri="${uri}"/>`).join('')}</list></resource-lists>`,
})

export function beginHistory(phone: SimulatedPhone, wish: HistoryWish = {}): LargeCall {
  const { params = '', references, ...options } = wish
  const fetches = references ? listOf(references) : 'all'
  const call = { to: HISTORY + params, fetches, acceptContact: '*;+g.oma.sip-im', ...options } as const
  return phone.act(now => new LargeCall(phone.phone, now, call))
}

/** The same, to its end. */
export function fetchHistory({ world }: Scenario, phone: SimulatedPhone, wish: HistoryWish = {}): LargeCall {
  const call = beginHistory(phone, wish)
  const isOver = () => call.status !== undefined && (call.status >= 300 || call.ended !== undefined)
  world.until(isOver, 'the history is given', 400_000)
  return call
}
