import { after, type Now } from '../../base/time.ts'
import type { Timer } from '../../base/timers.ts'
import { type MsrpMedia, obstacleInPath } from '../../sdp/msrp-media.ts'
import { descriptionIn } from '../../sip/body-of-type.ts'
import type { BranchMedia, CallSide } from '../../sip/relay-types.ts'
import type { SipMessage, SipRequest } from '../../sip-parser-lite/message.ts'
import type { HistoryHeads } from '../../store/history.ts'
import { headAsReceived } from '../history/history-item.ts'
import type { RecorderContext } from '../history/history-recorder.ts'
import { type JoinedRecord, type JoinedSubject, joinedRecord } from './joined-record.ts'
import { JoinedStream, otherSide, type Sides, type StreamContext, streamIn } from './joined-stream.ts'

/** A BYE overtakes what was said before it, which goes another way. */
const GRACE_MS = 2000
/** A call of which nothing is heard, neither of its dialog nor of its messages, for so long after its MSRP session has ended. */
const SILENCE_MS = 600_000

interface JoinContext extends StreamContext {
  readonly recorder: RecorderContext
  /** A stream more; what to call when it is over. A text: why there may be none. */
  enter(sides: Sides): (() => void) | string
}

/** An INVITE whose messages histories want. */
export interface JoinedCall {
  readonly subject: JoinedSubject
  readonly callId: string
  /** Of the INVITE as received. */
  readonly head: Buffer
}

interface Stream {
  readonly joined: JoinedStream
  readonly leave: () => void
}

/**
 * What passes between a caller and one target of the INVITE (RFC 3264): each offer of an MSRP session is made to lead through here,
 * and so is its answer. A side that moves to another path has begun another MSRP session. Where joining cannot be done the messages go
 * end to end, and the call hears nothing of it.
 */
export class JoinedBranch implements BranchMedia {
  readonly #context: JoinContext
  readonly #call: JoinedCall
  readonly #sides: Sides
  readonly #onOver: () => void
  /** Of the offers that are not answered yet, by who made them. */
  readonly #offered = new Map<CallSide, Stream>()
  #stream: Stream | undefined
  /** Of the dialog that is recorded: the first that answered (RFC 3261 13.2.2.4). */
  #tag: string | undefined
  #record: JoinedRecord | undefined
  #heads: HistoryHeads
  /** That of the INVITE: all phones behind the target have got it. */
  #isOfferChanged = false
  #timer: Timer | undefined
  #isDialogOver = false
  #isOver = false

  constructor(context: JoinContext, call: JoinedCall, sides: Sides, onOver: () => void) {
    this.#context = context
    this.#call = call
    this.#sides = sides
    this.#onOver = onOver
    this.#heads = { invite: call.head }
  }

  pass(now: Now, message: SipMessage, from: CallSide, tag: string | undefined, request?: SipRequest): void {
    if (this.#isOver) return
    if (this.#tag !== undefined && tag !== this.#tag) return this.#strange(message)
    this.#noteHead(message, tag, request)
    if (this.#timer && !this.#isDialogOver) this.#watch(now)
    const isFailure = message.kind === 'response' && message.status >= 300
    if (isFailure) return this.#refused(now, otherSide(from))
    const body = descriptionIn(message)
    const media = body && streamIn(body)
    if (body && media !== undefined)
      this.#describe(now, { message, body, from, tag, isFinal: isFinal(message) }, media, request)
    else if (message.kind === 'response' && isFinal(message)) this.#accepted(now, from, tag, request)
  }

  /** RFC 3261 13.2.2.4: behind one target several phones may answer. The offer had one path of ours in it, and the first has that. */
  takes(tag: string): boolean {
    return this.#tag === undefined || tag === this.#tag || !this.#isOfferChanged
  }

  ended(now: Now, tag: string, why: 'bye' | 'silence'): void {
    if (this.#isOver || tag !== this.#tag) return
    this.#isDialogOver = true
    const isQuiet = !this.#stream || this.#stream.joined.isClosed
    // Without a session timer a dialog may be forgotten while its messages still come.
    if (why === 'silence' && !isQuiet) return
    if (isQuiet) return this.#end(now, why === 'bye')
    this.#setTimer(now, GRACE_MS, then => this.#end(then, true))
  }

  failed(now: Now): void {
    if (this.#tag === undefined) this.#end(now, false)
  }

  /** The box goes down in order. */
  stop(now: Now): void {
    this.#end(now, false)
  }

  /** Another phone behind the same target has answered as well, with an offer of its own. */
  #strange(message: SipMessage): void {
    if (message.kind === 'response' && message.status < 300 && descriptionIn(message))
      this.#notRecorded('a second phone behind the same address')
  }

  #noteHead(message: SipMessage, tag: string | undefined, request: SipRequest | undefined): void {
    if (message.kind === 'request' && message.method === 'BYE') {
      this.#heads = { ...this.#heads, bye: headAsReceived(message) }
    } else if (
      message.kind === 'response' &&
      request?.method === 'INVITE' &&
      isFinal(message) &&
      message.status < 300
    ) {
      if (!this.#heads.answer) this.#heads = { ...this.#heads, answer: headAsReceived(message) }
      this.#tag ??= tag ?? ''
    }
  }

  #describe(now: Now, said: Said, media: MsrpMedia | string, request: SipRequest | undefined): void {
    const isAnswer = this.#isAnswer(said, request)
    if (isAnswer) this.#answer(now, said, media)
    else this.#offer(now, said, media)
  }

  /** RFC 3264, RFC 3261 13.2.1, RFC 3262 5, RFC 3311 5.1. */
  #isAnswer({ message, from }: Said, request: SipRequest | undefined): boolean {
    if (message.kind === 'response') return request?.method !== 'INVITE' || descriptionIn(request) !== undefined
    if (message.method === 'ACK') return true
    return message.method === 'PRACK' && this.#offered.has(otherSide(from))
  }

  #offer(now: Now, said: Said, media: MsrpMedia | string): void {
    const { from, message, body, tag } = said
    const known = [this.#offered.get(from), this.#stream].find(
      stream => stream && !stream.joined.isClosed && typeof media !== 'string' && stream.joined.isAsBefore(from, media),
    )
    const stream = known ?? this.#open(media)
    const changed = stream?.joined.describe(from, media as MsrpMedia, body)
    if (!stream || !changed) return this.#leave(now, known ? undefined : stream)
    this.#replaceOffered(now, from, stream)
    if (tag === undefined && from === 'caller') this.#isOfferChanged = true
    replaceBody(message, body, changed)
  }

  #answer(now: Now, said: Said, media: MsrpMedia | string): void {
    const { from, message, body, tag } = said
    const stream = this.#offered.get(otherSide(from)) ?? this.#stream
    if (!stream || stream.joined.isClosed) return
    const changed = this.#changedAnswer(stream, from, media, body)
    if (!changed) return said.isFinal ? this.#refused(now, otherSide(from)) : undefined
    replaceBody(message, body, changed)
    if (said.isFinal) this.#begin(now, stream, from, tag)
  }

  #changedAnswer({ joined }: Stream, from: CallSide, media: MsrpMedia | string, body: Buffer): Buffer | undefined {
    const obstacle = typeof media === 'string' ? media : obstacleInPath(media)
    if (typeof media === 'string' || obstacle !== undefined) return this.#notRecorded('an answer that cannot be used')
    if (joined.isStarted && !joined.isAsBefore(from, media))
      return this.#notRecorded('an answer that moves to another path')
    return joined.describe(from, media, body) ?? this.#notRecorded('a description that cannot be changed')
  }

  /** A 2xx that says nothing new: what a reliable 1xx has answered stands (RFC 3262 5). */
  #accepted(now: Now, from: CallSide, tag: string | undefined, request: SipRequest | undefined): void {
    const stream = this.#offered.get(otherSide(from))
    if (stream && request?.method === 'INVITE') this.#begin(now, stream, from, tag)
  }

  #begin(now: Now, stream: Stream, answerer: CallSide, tag: string | undefined): void {
    this.#tag ??= tag ?? ''
    this.#offered.delete(otherSide(answerer))
    stream.joined.start(now, answerer)
    if (!stream.joined.isStarted) return this.#leave(now, stream)
    if (this.#stream !== stream) this.#leave(now, this.#stream)
    this.#stream = stream
    this.#record ??= this.#newRecord(now)
    if (stream.joined.isClosed) this.#watch(now)
    else this.#stopTimer()
  }

  #newRecord(now: Now): JoinedRecord {
    const hold = (then: Now, isHeld: boolean): void => this.#stream?.joined.hold(then, isHeld)
    return joinedRecord(this.#context.recorder, this.#call.subject, this.#heads, now, hold)
  }

  #refused(now: Now, offerer: CallSide): void {
    const stream = this.#offered.get(offerer)
    this.#offered.delete(offerer)
    if (stream !== this.#stream) this.#leave(now, stream)
  }

  #replaceOffered(now: Now, from: CallSide, stream: Stream): void {
    const before = this.#offered.get(from)
    this.#offered.set(from, stream)
    if (before !== stream && before !== this.#stream) this.#leave(now, before)
  }

  #open(media: MsrpMedia | string): Stream | undefined {
    const place = typeof media === 'string' ? media : this.#context.enter(this.#sides)
    if (typeof place === 'string') return this.#notRecorded(place)
    let stream: Stream | undefined
    const joined = JoinedStream.open(this.#context, this.#sides, media as MsrpMedia, {
      onPiece: (then, piece) => {
        if (stream === this.#stream) this.#record?.piece(then, piece)
      },
      onClosed: then => this.#closed(then, stream),
    })
    if (typeof joined === 'string') {
      place()
      return this.#notRecorded(joined)
    }
    stream = { joined, leave: place }
    return stream
  }

  /** The phones may set up another one, and mostly say BYE. */
  #closed(now: Now, stream: Stream | undefined): void {
    stream?.leave()
    if (this.#isOver || stream !== this.#stream || !stream) return
    if (this.#isDialogOver) this.#end(now, this.#heads.bye !== undefined)
    else this.#watch(now)
  }

  #leave(now: Now, stream: Stream | undefined): void {
    if (!stream || stream.joined.isClosed) return
    stream.joined.close(now)
    stream.leave()
  }

  /** Nobody leaves a record open for ever: a phone that is gone never says BYE. */
  #watch(now: Now): void {
    this.#setTimer(now, SILENCE_MS, then => {
      this.#closeRecord(then, false)
    })
  }

  #closeRecord(now: Now, isWhole: boolean): void {
    this.#record?.end(now, isWhole, this.#heads)
    this.#record = undefined
  }

  #end(now: Now, isWhole: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stopTimer()
    for (const stream of this.#offered.values()) this.#leave(now, stream)
    this.#offered.clear()
    this.#leave(now, this.#stream)
    this.#closeRecord(now, isWhole)
    this.#onOver()
  }

  #setTimer(now: Now, delayMs: number, run: (now: Now) => void): void {
    this.#stopTimer()
    this.#timer = this.#context.recorder.timers.set('joined session', after(now, delayMs), then => {
      this.#timer = undefined
      run(then)
    })
  }

  #stopTimer(): void {
    this.#context.recorder.timers.cancel(this.#timer)
    this.#timer = undefined
  }

  #notRecorded(why: string): undefined {
    const { counters, log } = this.#context.recorder
    counters.count('history_not_recorded', why)
    log.warn('session not recorded: it goes end to end', { call_id: this.#call.callId, why })
  }
}

/** A message with a description in it. */
interface Said {
  readonly message: SipMessage
  readonly body: Buffer
  readonly from: CallSide
  readonly tag: string | undefined
  readonly isFinal: boolean
}

/** After it the media stand: no provisional response, which another phone may still contradict. */
const isFinal = (message: SipMessage): boolean => message.kind === 'request' || message.status >= 200

/** `part` is the body, or a part of it. */
function replaceBody(message: SipMessage, part: Buffer, replacement: Buffer): void {
  const { body } = message
  const start = part.byteOffset - body.byteOffset
  message.body =
    part.length === body.length
      ? replacement
      : Buffer.concat([body.subarray(0, start), replacement, body.subarray(start + part.length)])
}
