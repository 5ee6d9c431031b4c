import { ownText } from '../base/own-text.ts'
import type { Now } from '../base/time.ts'
import { encodeEndLine, encodeReport, freshTransactionId, type MsrpHead } from './frame.ts'
import type { MsrpHost } from './host.ts'
import { Passage, type PassingPart } from './passage.ts'
import type { RelaySide } from './relay-types.ts'
import { type PassedSend, Unanswered } from './relay-unanswered.ts'
import type { Session, SessionLeg } from './session.ts'
import { parseMsrpUri } from './uri.ts'
import { encodePassedOn } from './wire.ts'

/** Octets that may still wait in all relays for the other side to be there. */
export interface RelayRoom {
  left: number
}

interface LegEvents {
  onPiece?: ((now: Now, bytes: Buffer, isEnd: boolean) => void) | undefined
  /** What waits for this side is more than may. */
  onOverfull(now: Now): void
}

/** What a part takes beside the octets of its head and body. */
const PART_BYTES = 1024

/** One of the two sides of a relay: what its peer sends goes to the other one, and what comes from there to its peer. */
export class Leg implements SessionLeg {
  readonly side: RelaySide
  readonly session: Session
  /** Takes what our peer sends. */
  readonly passage: Passage
  other: Leg | undefined
  readonly #host: MsrpHost
  readonly #events: LegEvents
  readonly #unanswered: Unanswered
  /** For our peer, which is not there yet; in order. */
  readonly #waiting: PassingPart[] = []
  #waitingBytes = 0
  /** Why our peer is not read. */
  readonly #held = { otherIsFull: false, listenerIsFull: false }

  constructor(host: MsrpHost, side: RelaySide, open: (leg: Leg) => Session, events: LegEvents) {
    this.#host = host
    this.side = side
    this.#events = events
    this.passage = new Passage({
      onPart: (now, part) => this.other?.pass(now, part) ?? 481,
      onPiece: events.onPiece,
    })
    this.session = open(this)
    const canAnswer = (): boolean => {
      const { connection } = this.session
      return connection !== undefined && !connection.isFull && !connection.isHeld
    }
    this.#unanswered = new Unanswered(host, canAnswer, (now, send) => this.other?.tell(now, send, 408))
  }

  get unanswered(): number {
    return this.#unanswered.size
  }

  /** RFC 4976 6.3: what goes anywhere else than to the other side is refused; we are nobody's open relay. A path of ours alone means it too. */
  statusOf(head: MsrpHead): number {
    // A path that leads back to us: it would go round until its From-Path is too long for anybody.
    if (this.other && head.fromPath.includes(this.other.session.localPath)) return 481
    const rest = restOf(head.toPath)
    const remote = this.other?.session.remotePath ?? ''
    return rest === '' || remote === '' || isSamePath(rest, remote) ? 200 : 481
  }

  /** For our peer. Other than 200: the session has ended for it. */
  pass(now: Now, part: PassingPart): number {
    if (this.session.isClosed) return 481
    if (this.session.state === 'ready') this.#write(now, part)
    else if (!this.#wait(part)) {
      this.#events.onOverfull(now)
      return 481
    }
    this.#adjust(now)
    return 200
  }

  /** RFC 4976 6.4.3: a response to a SEND ends here, others go on. */
  answered(now: Now, head: MsrpHead): boolean {
    const { other } = this
    const rest = restOf(head.toPath)
    if (rest !== '') {
      if (other?.session.state !== 'ready' || !isSamePath(rest, other.session.remotePath)) return false
      other.#send(encodePassedOn(head, other.#pathsOf(head, head.transactionId)), head, undefined, '$')
      return true
    }
    const send = this.#unanswered.take(now, head.transactionId)
    if (send && (head.status < 200 || head.status > 299)) other?.tell(now, send, head.status)
    return send !== undefined
  }

  /** Our peer is there: what waited goes out. */
  ready(now: Now): void {
    for (const part of this.#waiting.splice(0)) this.#write(now, part)
    this.#release()
    this.#adjust(now)
  }

  hold(now: Now, why: 'otherIsFull' | 'listenerIsFull', isHeld: boolean): void {
    if (this.#held[why] === isHeld) return
    this.#held[why] = isHeld
    this.session.hold(now, this.#held.otherIsFull || this.#held.listenerIsFull)
  }

  fullnessChanged(now: Now): void {
    this.#adjust(now)
  }

  /** To our peer: what it sent did not get through. */
  tell(now: Now, send: PassedSend, status: number): void {
    const { connection, localPath, remotePath } = this.session
    // One that never said where it is cannot be told.
    if (!connection || connection.isClosed || remotePath === '') return
    this.#host.counters.count('msrp_relay_failed', String(status))
    this.#host.counters.count('msrp_sent', 'REPORT')
    this.#host.wakes(connection)
    const of = { messageId: send.messageId, fromPath: remotePath, toPath: localPath }
    connection.batch.text(encodeReport(freshTransactionId(this.#host.entropy), of, status, send.range))
    this.other?.fullnessChanged(now)
  }

  /** Of what will not be answered any more its sender has had a 200 of ours: it hears that nobody knows. */
  end(now: Now): void {
    for (const send of this.#unanswered.takeAll()) if (send.failureReport === 'yes') this.other?.tell(now, send, 408)
    for (const part of this.#waiting.splice(0)) {
      const send = passedSend(part)
      if (send) this.other?.tell(now, send, 408)
    }
    this.#release()
  }

  #wait(part: PassingPart): boolean {
    const bytes = part.body.length + part.head.lines.reduce((sum, { length }) => sum + length, PART_BYTES)
    const { limits, relayRoom } = this.#host
    if (this.#waitingBytes + bytes > limits.relayWaitingBytes || bytes > relayRoom.left) return false
    relayRoom.left -= bytes
    this.#waitingBytes += bytes
    this.#waiting.push(part)
    return true
  }

  #release(): void {
    this.#host.relayRoom.left += this.#waitingBytes
    this.#waitingBytes = 0
  }

  #write(now: Now, part: PassingPart): void {
    const { head, body, range, isCut, flag } = part
    // The sender's own would do as long as nobody else's request of that id is on this connection.
    const id = head.method === 'SEND' ? freshTransactionId(this.#host.entropy, [body]) : head.transactionId
    const text = encodePassedOn(head, { ...this.#pathsOf(head, id), ...(isCut && { byteRange: range }) })
    this.#host.counters.count(
      'msrp_relayed',
      head.method === 'SEND' || head.method === 'REPORT' ? head.method : 'other',
    )
    this.#send(text, { transactionId: id, hasBody: head.hasBody }, body, flag)
    const send = passedSend(part)
    if (send) this.#unanswered.add(now, id, send)
  }

  #send(
    text: string,
    { transactionId, hasBody }: Pick<MsrpHead, 'transactionId' | 'hasBody'>,
    body: Buffer | undefined,
    flag: PassingPart['flag'],
  ): void {
    const connection = this.session.connection!
    this.#host.wakes(connection)
    connection.batch.text(text)
    if (body && body.length > 0) connection.batch.bytes(body)
    connection.batch.text(encodeEndLine(transactionId, flag, hasBody))
  }

  /** RFC 4976 6.4.1: our URI goes from the one path to the other; each side knows us by its own. */
  #pathsOf(head: MsrpHead, transactionId: string) {
    const { remotePath, localPath } = this.session
    return { transactionId, toPath: remotePath, fromPath: `${localPath} ${head.fromPath}` }
  }

  #adjust(now: Now): void {
    const { connection } = this.session
    const isFull = connection?.isFull === true || this.#waitingBytes > this.#host.limits.relayHeldBytes
    if (this.other?.session.connection) this.other.hold(now, 'otherIsFull', isFull)
  }
}

/** Undefined: nobody wants to hear of it. */
function passedSend({ head, body, range }: PassingPart): PassedSend | undefined {
  const { method, messageId, failureReport } = head
  if (method !== 'SEND' || failureReport === 'no' || messageId === undefined) return undefined
  const told = { start: range.start, end: range.start - 1 + body.length, total: range.total }
  return { messageId: ownText(messageId), failureReport, range: told }
}

const restOf = (path: string): string => {
  const space = path.indexOf(' ')
  return space < 0 ? '' : path.slice(space + 1)
}

/** The unguessable end decides, as with our own sessions: a gateway may have written the hosts anew. */
const isSamePath = (a: string, b: string): boolean => a === b || (lastId(a) !== undefined && lastId(a) === lastId(b))

const lastId = (path: string): string | undefined => parseMsrpUri(path.slice(path.lastIndexOf(' ') + 1))?.sessionId
