import type { Flow } from '../base/flow.ts'
import type { MsrpHead } from './frame.ts'
import type { MsrpLimits } from './limits.ts'
import { MsrpParser } from './parse.ts'
import type { CapturedPiece, MsrpRelay, RelayOptions, RelaySide } from './relay-types.ts'
import { bytesOf, Side } from './simulated.fixture.ts'

export const PATHS: Readonly<Record<RelaySide, string>> = {
  caller: 'msrp://198.51.100.7:7000/alice123;tcp',
  callee: 'msrp://198.51.100.9:7001/hop1;tcp msrp://203.0.113.5:7002/bob12345;tcp',
}

export const otherOf = (side: RelaySide): RelaySide => (side === 'caller' ? 'callee' : 'caller')

export interface RequestParts {
  readonly id?: string
  readonly method?: string
  readonly messageId?: string
  /** Header lines after Message-ID, each with its line end. */
  readonly lines?: string
  /** Absent: no body, not even an empty one. */
  readonly body?: string | Buffer
  readonly flag?: string
  readonly toPath?: string
}

/** A box that a session passes through, and what its two peers write and read, octet by octet. */
export class RelayTrial {
  readonly side: Side
  readonly relay: MsrpRelay
  readonly pieces: CapturedPiece[] = []
  readonly closed: string[] = []
  readonly flows: Record<RelaySide, Flow>
  readonly #unread: Record<RelaySide, Buffer[]> = { caller: [], callee: [] }

  constructor(
    limits: Partial<MsrpLimits> = {},
    options: RelayOptions = { caller: {}, callee: {} },
    side = new Side(1, limits),
    name = '',
  ) {
    this.side = side
    this.relay = side.endpoint.relay(options, {
      onPiece: (_now, piece) => void this.pieces.push(piece),
      onClosed: (_now, reason) => void this.closed.push(reason),
    })
    this.flows = {
      caller: side.accept(`${name}caller`, '198.51.100.7'),
      callee: side.accept(`${name}callee`, '198.51.100.9'),
    }
  }

  /** Both have said where they are; they connect. */
  start(...connecting: RelaySide[]): this {
    const { now } = this.side
    for (const side of ['caller', 'callee'] as const)
      this.relay.startLeg(now, side, { remotePath: PATHS[side].split(' '), role: 'passive' })
    for (const side of connecting) this.say(side, this.binding(side))
    for (const side of connecting) this.heard(side)
    return this
  }

  /** What says nothing but whose connection it is. */
  binding(side: RelaySide): string {
    return `MSRP bind SEND\nTo-Path: ${this.relay.pathFor(side)} ${PATHS[otherOf(side)]}\nFrom-Path: ${PATHS[side]}\nMessage-ID: bind\nFailure-Report: no\n-------bind$\n`
  }

  request(side: RelaySide, parts: RequestParts): Buffer {
    const { id = 'tran1', method = 'SEND', messageId = 'mess1', lines = '', body, flag = '$' } = parts
    const toPath = parts.toPath ?? `${this.relay.pathFor(side)} ${PATHS[otherOf(side)]}`
    const head = `MSRP ${id} ${method}\nTo-Path: ${toPath}\nFrom-Path: ${PATHS[side]}\nMessage-ID: ${messageId}\n${lines}`
    return Buffer.concat([
      bytesOf(head),
      bytesOf(body === undefined ? '' : 'Content-Type: text/plain\n\n'),
      Buffer.from(body ?? ''),
      bytesOf(`${body === undefined ? '' : '\n'}-------${id}${flag}\n`),
    ])
  }

  say(side: RelaySide, ...bytes: (string | Buffer)[]): void {
    for (const each of bytes) this.side.say(this.flows[side], each)
  }

  /** What has been written to this peer since asked last. */
  heardBytes(side: RelaySide): Buffer {
    for (const { flow, bytes } of this.side.sent.splice(0)) {
      const to = (['caller', 'callee'] as const).find(each => this.flows[each].id === flow.id)
      if (to) this.#unread[to].push(bytes)
    }
    return Buffer.concat(this.#unread[side].splice(0))
  }

  heard(side: RelaySide): string {
    return this.heardBytes(side).toString('latin1')
  }

  /** 200 to every SEND in `text`, from this peer. */
  answer(side: RelaySide, text: string, status = 200): void {
    for (const { head } of framesIn(Buffer.from(text, 'latin1'))) {
      if (head.method !== 'SEND') continue
      const paths = `To-Path: ${this.relay.pathFor(side)}\nFrom-Path: ${head.toPath.split(' ')[0]}`
      this.say(side, `MSRP ${head.transactionId} ${status}\n${paths}\n-------${head.transactionId}$\n`)
    }
  }

  /** What was captured of one side. */
  captured(side: RelaySide): Buffer {
    return Buffer.concat(this.pieces.filter(({ from }) => from === side).map(({ bytes }) => bytes))
  }
}

export interface Frame {
  readonly head: MsrpHead
  readonly body: Buffer
  readonly flag: string
}

export function framesIn(bytes: Buffer): Frame[] {
  const parser = new MsrpParser()
  const frames: Frame[] = []
  let head: MsrpHead | undefined
  let body: Buffer[] = []
  parser.push(bytes)
  for (let event = parser.next(); event; event = parser.next()) {
    if (event.kind === 'body') body.push(event.bytes)
    else if (event.kind === 'head') head = event.head
    else {
      frames.push({ head: head!, body: Buffer.concat(body), flag: event.flag })
      body = []
    }
  }
  return frames
}
