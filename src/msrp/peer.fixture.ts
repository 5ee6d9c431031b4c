import type { Flow } from '../base/flow.ts'
import type { MsrpLimits } from './limits.ts'
import type { MsrpSessionOptions } from './session.ts'
import { bytesOf, Owner, Side } from './simulated.fixture.ts'

export const REMOTE = 'msrp://198.51.100.7:7000/bob12345;tcp'

export interface FrameParts {
  readonly id?: string
  readonly method?: string
  readonly messageId?: string
  readonly range?: string
  /** Header lines between the others, without the last line break. */
  readonly lines?: string
  readonly from?: string
  /** Absent: no body, not even an empty one. */
  readonly body?: string | Buffer
  readonly flag?: string
  /** Instead of the end-line. */
  readonly end?: string
}

/** One request as a peer writes it, right or wrong. */
export const frameTo = (path: string, parts: FrameParts): Buffer => {
  const { id = 'tran1', method = 'SEND', messageId = 'mess1', range, lines, from = REMOTE, body, flag = '$' } = parts
  const head =
    `MSRP ${id} ${method}\nTo-Path: ${path}\nFrom-Path: ${from}\nMessage-ID: ${messageId}\n` +
    `${lines === undefined ? '' : `${lines}\n`}${range === undefined ? '' : `Byte-Range: ${range}\n`}`
  return Buffer.concat([
    bytesOf(head),
    bytesOf(body === undefined ? '' : 'Content-Type: text/plain\n\n'),
    Buffer.from(body ?? ''),
    bytesOf(parts.end ?? `${body === undefined ? '' : '\n'}-------${id}${flag}\n`),
  ])
}

export const statusesIn = (heard: string): string[] =>
  [...heard.matchAll(/^MSRP \S+ (\d{3})/gm)].map(match => match[1]!)

/** A peer with a session of ours, and a second session of somebody else on the same connection. */
export class PeerTrial {
  readonly side: Side
  readonly owner: Owner
  readonly other: Owner
  readonly flow: Flow

  constructor(limits: Partial<MsrpLimits> = {}, options: MsrpSessionOptions = {}) {
    this.side = new Side(1, limits)
    this.flow = this.side.accept()
    this.owner = this.#bound(options)
    this.other = this.#bound({})
  }

  get path(): string {
    return this.owner.session.localPath
  }

  get isOpen(): boolean {
    return this.side.closed.length === 0
  }

  /** What is answered to bytes that come on the connection. */
  say(...bytes: (string | Buffer)[]): string {
    for (const each of bytes) this.side.say(this.flow, each)
    return this.side.heard()
  }

  /** Statuses answered to frames for the session. */
  statuses(...frames: FrameParts[]): string[] {
    return statusesIn(this.say(Buffer.concat(frames.map(parts => frameTo(this.path, parts)))))
  }

  bodies(): string[] {
    return this.owner.messages.map(({ body }) => body.toString('latin1'))
  }

  /** Whether the other session still gets its messages over the connection. */
  isOtherServed(): boolean {
    const before = this.other.messages.length
    this.say(frameTo(this.other.session.localPath, { id: 'otherid', messageId: 'other', body: 'still here' }))
    return this.other.messages.length === before + 1 && this.other.messages.at(-1)?.body.toString() === 'still here'
  }

  #bound(options: MsrpSessionOptions): Owner {
    const owner = new Owner(this.side, options)
    owner.session.start(this.side.now, { remotePath: [REMOTE], role: 'passive' })
    this.say(frameTo(owner.session.localPath, { messageId: 'bind', range: '1-0/0' }))
    return owner
  }
}
