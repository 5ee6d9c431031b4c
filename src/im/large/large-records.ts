import type { Now } from '../../base/time.ts'
import { Capture } from '../../msrp/capture.ts'
import type { ContinuationFlag, MsrpHead } from '../../msrp/frame.ts'
import type { HistoryHeads, HistoryItem, HistoryOwner } from '../../store/history.ts'
import { HistoryRecorder, type RecorderContext } from '../history/history-recorder.ts'

/** Messages of one session that wait for its end: a sender who sends more has the oldest closed without the head of the BYE. */
const OPEN_MAX = 16

interface LargeRecordsOptions {
  readonly owners: readonly HistoryOwner[]
  readonly isFromStranger?: boolean
  /** As received. */
  readonly invite: Buffer
  /** Of the INVITE, at that moment. */
  item(now: Now): HistoryItem
}

/**
 * Large messages on their way into custody, as histories keep them (HIS-STO-03, 05): each SEND as it came, of each message that was
 * stored. It runs beside the upload, which never waits for it.
 */
export class LargeRecords {
  readonly #context: RecorderContext
  readonly #options: LargeRecordsOptions
  readonly #stored: HistoryRecorder[] = []
  #answer: Buffer | undefined
  #bye: Buffer | undefined
  #isOver = false

  constructor(context: RecorderContext, options: LargeRecordsOptions) {
    this.#context = context
    this.#options = options
  }

  /** Head of the 200. */
  answered(head: Buffer): void {
    this.#answer = head
  }

  /** Head of the BYE, whoever sends it. */
  hungUp(head: Buffer): void {
    this.#bye = head
  }

  /** A message begins. */
  begin(now: Now): LargeRecord {
    const { owners, invite, isFromStranger = false } = this.#options
    const heads = { invite, ...(this.#answer && { answer: this.#answer }) }
    const recorder = new HistoryRecorder(this.#context, {
      item: this.#options.item(now),
      owners,
      heads,
      isFromStranger,
    })
    return new LargeRecord(recorder, then => this.#keep(then, recorder))
  }

  /** The session is over; what is whole may still be stored. */
  end(now: Now): void {
    this.#isOver = true
    for (const recorder of this.#stored.splice(0)) recorder.end(now, 'whole', this.#ending)
  }

  #keep(now: Now, recorder: HistoryRecorder): void {
    if (this.#isOver) return recorder.end(now, 'whole', this.#ending)
    this.#stored.push(recorder)
    if (this.#stored.length > OPEN_MAX) this.#stored.shift()?.end(now, 'whole')
  }

  get #ending(): { heads?: HistoryHeads } {
    return this.#bye ? { heads: { bye: this.#bye } } : {}
  }
}

/** One message: `chunk`, any number of `data`, `end`, and so on; at last, once, `stored` or `dropped`. */
export class LargeRecord {
  readonly #recorder: HistoryRecorder
  readonly #capture: Capture
  readonly #onStored: (now: Now) => void

  constructor(recorder: HistoryRecorder, onStored: (now: Now) => void) {
    this.#recorder = recorder
    this.#onStored = onStored
    this.#capture = new Capture((now, bytes, isEnd) =>
      recorder.piece(now, { at: now.wall, from: 'caller', bytes, isEnd }),
    )
  }

  chunk(head: MsrpHead): void {
    if (this.#recorder.isRecording) this.#capture.begin(head)
  }

  /** The bytes are the caller's again when this returns. */
  data(now: Now, bytes: Buffer): void {
    this.#capture.add(now, bytes)
  }

  end(now: Now, flag: ContinuationFlag): void {
    this.#capture.end(now, flag)
  }

  stored(now: Now): void {
    this.#onStored(now)
  }

  dropped(now: Now): void {
    this.#capture.drop()
    this.#recorder.end(now, 'discarded')
  }
}
