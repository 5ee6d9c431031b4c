import t from 'tap'
import type { Instant } from '../base/time.ts'
import * as large from '../testing/large-requests.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { type Answer, BAD_DISK, GOOD_DISK, SimulatedDisk } from '../testing/simulated-disk.ts'
import { accountPut, BOB_AOR, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import type { Result } from './keyed.ts'
import type { StoredMessage, StoreRequest } from './verbs.ts'

const BODY = large.bytes(150_000)
/** Out of order, overlapping. */
const CHUNKS = [
  [100_000, 150_000],
  [0, 40_000],
  [60_000, 110_000],
  [30_000, 70_000],
] as const

t.test(
  'DM-STO-07: the power is cut at every commit of a transfer: sent again, the message is there once and whole',
  async t => {
    for (let cut = 0; ; cut++) {
      let isOver = false
      for (const seed of ['kept', 'lost', 'either']) {
        const disk = simulated(`${seed} ${cut}`)
        disk.value(accountPut(BOB_AOR))
        disk.cutAt = cut
        isOver = send(disk) === 'stored'
        disk.restart()
        t.match(send(disk), /stored|duplicate/)
        t.ok(isThereOnce(disk), `cut at ${cut}`)
        disk.cutAt = 1
        end(disk)
        disk.restart()
        end(disk)
        t.strictSame(disk.left(), [], `cut at ${cut}: nothing is left behind`)
      }
      if (isOver) break
    }
  },
)

t.test(
  'several transfers at once, cut off at any moment and begun again: each is whole, the counters agree',
  async t => {
    for (let run = 0; run < 30; run++) {
      const disk = simulated(`several ${run}`, { ...GOOD_DISK, flushMaxMs: 20 })
      const dice = new SeededEntropy(`several at ${run}`)
      disk.value(accountPut(BOB_AOR))
      const stored = new Set<number>()
      for (let life = 0; life < 3; life++) {
        manyAtOnce(disk, dice, stored)
        disk.restart()
      }
      const page = disk.value(pageOf(BOB_AOR)) as StoredMessage[]
      const numbers = page.map(({ large }) => Number(large!.messageId.slice('message-'.length)))
      t.equal(new Set(numbers).size, numbers.length, 'none twice')
      for (const number of stored) t.ok(numbers.includes(number), `run ${run}: ${number} was answered`)
      for (const [i, { seq }] of page.entries()) t.ok(whole(disk, seq).equals(bodyOf(numbers[i]!)))
      const waitingBytes = page.reduce((sum, { size }) => sum + size, 0)
      t.match(disk.value({ verb: 'status' }), { waiting: page.length, waitingBytes })
      end(disk)
      t.strictSame(disk.left(), [])
    }
  },
)

t.test('the disk is full in mid-transfer: what had come goes, and its room is free again', async t => {
  const disk = simulated('full')
  disk.value(accountPut(BOB_AOR))
  const { upload } = disk.value(large.begin(1, {}, {}, BODY.length)) as { upload: number }
  t.equal(disk.value(large.append(upload, 0, BODY.subarray(0, 90_000))), 'kept')
  disk.faults = { ...GOOD_DISK, full: 1 }
  t.match(disk.ask(large.append(upload, 90_000, BODY.subarray(90_000))), { failure: 'full' })
  t.match(disk.ask({ verb: 'upload.drop', upload }), { failure: 'full' })
  disk.faults = GOOD_DISK
  t.equal(disk.value({ verb: 'upload.drop', upload }), 'dropped')
  end(disk)
  t.strictSame(disk.left(), [])
  t.match(disk.value(large.begin(2, {}, { quotaMessages: 1, quotaBytes: large.HEAD.length + 9 }, 9)), {
    outcome: 'begun',
  })
})

t.test('a medium that fails and works again: bytes that were refused are sent again, and nothing is wrong', async t => {
  for (let run = 0; run < 10; run++) {
    const disk = simulated(`failing ${run}`, { ...BAD_DISK, io: 0.3, full: 0.2 })
    const patiently = (request: StoreRequest): unknown => {
      for (;;) {
        const result = disk.ask(request)
        if ('value' in result) return result.value
      }
    }
    patiently(accountPut(BOB_AOR))
    const { upload } = patiently(large.begin(1)) as { upload: number }
    for (const [from, to] of CHUNKS) patiently(large.append(upload, from, BODY.subarray(from, to)))
    t.match(patiently(large.finish(upload, BODY.length)), { outcome: 'stored' })
    disk.faults = GOOD_DISK
    t.ok(isThereOnce(disk))
  }
})

type Disk = ReturnType<typeof simulated>

/** Message 1, from its begin to its end. */
function send(disk: Disk): string {
  const begun = disk.value(large.begin(1, {}, {}, BODY.length)) as { outcome: string; upload: number } | undefined
  if (begun?.outcome !== 'begun') return begun?.outcome ?? 'cut'
  for (const [from, to] of CHUNKS) {
    if (disk.value(large.append(begun.upload, from, BODY.subarray(from, to))) !== 'kept') return 'cut'
  }
  return (disk.value(large.finish(begun.upload, BODY.length)) as { outcome: string } | undefined)?.outcome ?? 'cut'
}

function isThereOnce(disk: Disk): boolean {
  const page = disk.value(pageOf(BOB_AOR)) as StoredMessage[]
  return page.length === 1 && whole(disk, page[0]!.seq).equals(BODY)
}

function whole(disk: Disk, seq: number): Buffer {
  return disk.value(large.piece(seq, 0, 1_000_000)) as Buffer
}

function bodyOf(number: number): Buffer {
  return BODY.subarray(number, 20_000 + number * 1000)
}

/** Chunks of many messages in any order; until some moment. */
function manyAtOnce(disk: Disk, dice: SeededEntropy, stored: Set<number>): void {
  const numbers = Array.from({ length: 8 }, () => 1 + dice.below(100))
  const uploads = new Map<number, number>()
  for (const number of new Set(numbers)) {
    const begun = disk.value(large.begin(number)) as { outcome: string; upload: number }
    if (begun.outcome === 'begun') uploads.set(number, begun.upload)
  }
  const requests = [...uploads].flatMap(([number, upload]) => {
    const body = bodyOf(number)
    const middle = dice.below(body.length)
    const parts = [
      large.append(upload, middle, body.subarray(middle)),
      large.append(upload, 0, body.subarray(0, middle)),
    ]
    return [...parts, large.finish(upload, body.length)].map(request => ({ number, request }))
  })
  const isFinish = requests.map(({ request }) => request.verb === 'upload.finish')
  const until = dice.below(200)
  disk.during(
    requests.map(({ request }) => request),
    until,
    at => {
      if (isFinish[at]) stored.add(requests[at]!.number)
    },
  )
}

/** Delivered, swept, and nothing on its way. */
function end(disk: Disk): void {
  for (const { seq } of (disk.value(pageOf(BOB_AOR)) as StoredMessage[] | undefined) ?? []) {
    disk.value({ verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '200' })
  }
  while (((disk.value({ verb: 'sweep', limit: 2 }) as number | undefined) ?? 0) > 0);
}

function simulated(seed: string, faults = GOOD_DISK) {
  const disk = new SimulatedDisk({ entropy: new SeededEntropy(seed), hostname: 'edge1.example.org', faults })
  let [id, at] = [0, 0 as Instant]
  /** Writes until the power is cut in the flush of one; none: it stays. */
  let cutAt = Number.POSITIVE_INFINITY
  const advance = (): Answer[] => {
    at = disk.nextAt()!
    return disk.advance(at)
  }
  const ask = (request: StoreRequest): Result => {
    const isWrite = !['page', 'piece', 'status'].includes(request.verb)
    disk.submit(++id, request)
    if (isWrite && cutAt-- <= 0) {
      advance()
      disk.crash()
      return { failure: 'closed', detail: 'the power was cut' }
    }
    for (;;) {
      const answer = advance().find(each => each.id === id)
      if (answer) return answer.result
    }
  }
  const value = (request: StoreRequest): unknown => {
    const result = ask(request)
    return 'value' in result ? result.value : undefined
  }
  return {
    ask,
    value,
    /** Asked one after the other, the power cut after so many milliseconds; `done` learns which were answered well. */
    during(requests: readonly StoreRequest[], ms: number, done: (at: number) => void): void {
      const first = id + 1
      const end = (at + ms) as Instant
      for (const request of requests) disk.submit(++id, request, at)
      const answered = (answers: readonly Answer[]): void => {
        for (const { id: each, result } of answers) if ('value' in result) done(each - first)
      }
      for (let next = disk.nextAt(); next !== undefined && next <= end; next = disk.nextAt()) {
        at = next
        answered(disk.advance(next))
      }
      disk.crash()
    },
    restart(): void {
      cutAt = Number.POSITIVE_INFINITY
      disk.crash()
      ask({ verb: 'upload.clear' })
    },
    set cutAt(writes: number) {
      cutAt = writes
    },
    set faults(next: typeof GOOD_DISK) {
      disk.faults = next
    },
    left: () =>
      ['c', 'g', 'u', 'm', 'x', 'w'].flatMap(first => disk.durable.range(first, `${first}\xff`).map(({ key }) => key)),
  }
}
