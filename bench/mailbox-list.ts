/**
 * What a mailbox costs to look at, however much waits in it: its summary (message waiting) and pages of its list, at the beginning, in
 * the middle and at the end, over LMDB as the box opens it. Prints microseconds, median and 99th percentile.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { silentLog } from '../src/base/log.ts'
import type { WallTime } from '../src/base/time.ts'
import { LmdbStore } from '../src/host/lmdb.ts'
import type { StoreRequest, StoreResult, Verb } from '../src/store/verbs.ts'

const HELP = `usage: mailbox-list.ts [--dir FOLDER] [--sizes 100,10000,100000] [--rounds N]
  --dir FOLDER   where to write (default: the system's temporary folder)
  --sizes LIST   messages that wait in the mailbox
  --rounds N     how often each question is asked (default: 2000)`

const { values: options } = parseArgs({
  options: {
    dir: { type: 'string', default: tmpdir() },
    sizes: { type: 'string', default: '100,10000,100000' },
    rounds: { type: 'string', default: '2000' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(HELP)
  process.exit(0)
}

const ROUNDS = Number(options.rounds)
const BOB = 'sip:bob@example.org'
const START = 1_900_000_000_000
const PAGE = 64
/** Custody under way at a time while the mailbox is filled. */
const BATCH = 1000
const LIMITS = { quotaMessages: 1e7, quotaBytes: 2 ** 40, reserveBytes: 0 }
const HEAD = [
  'MESSAGE sip:bob@example.org SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776sgdkse',
  'Max-Forwards: 70',
  'From: <sip:alice@example.org>;tag=49583',
  'To: <sip:bob@example.org>',
  'P-Asserted-Identity: <sip:alice@example.org>',
  'Date: Thu, 21 Feb 2030 13:02:03 GMT',
  'Subject: carpool tomorrow?',
  'CSeq: 1 MESSAGE',
  'Content-Type: text/plain',
]

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
const at = (number: number): WallTime => (START + number) as WallTime

const custodyOf = (number: number): StoreRequest => ({
  verb: 'custody',
  message: {
    recipient: BOB,
    sender: 'sip:alice@example.org',
    callId: `call-${number}@192.0.2.7`,
    cseq: 1,
    fromTag: '49583',
    bytes: Buffer.from(
      [...HEAD, `Call-ID: call-${number}@192.0.2.7`, 'Content-Length: 1024', '', 'x'.repeat(1024)].join('\r\n'),
    ),
    receivedAt: at(number),
    expiresAt: at(1e9 + number),
    isUrgent: number % 10 === 0,
  },
  limits: LIMITS,
})

/** Microseconds, sorted. */
async function timesOf(ask: (request: StoreRequest) => Promise<unknown>, next: () => StoreRequest): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const request = next()
    const began = performance.now()
    await ask(request)
    times.push((performance.now() - began) * 1000)
  }
  return times.sort((a, b) => a - b)
}

const shown = (times: readonly number[]): string =>
  `${times[Math.floor(times.length / 2)]!.toFixed(0)} / ${times[Math.floor(times.length * 0.99)]!.toFixed(0)}`

async function measure(size: number): Promise<readonly string[]> {
  const dir = mkdtempSync(join(options.dir, 'restante-list-'))
  const store = await LmdbStore.open({ dir, hostname: 'bench.example.org', mapBytes: 8 * 2 ** 30, log: silentLog })
  const ask = (request: StoreRequest): Promise<StoreResult<Verb>> =>
    new Promise(resolve => store.submit(request, resolve))
  try {
    await ask({ verb: 'account.put', account: { aor: BOB, origin: 'store' } })
    for (let first = 0; first < size; first += BATCH) {
      const numbers = Array.from({ length: Math.min(BATCH, size - first) }, (_, index) => first + index)
      for (const result of await Promise.all(numbers.map(number => ask(custodyOf(number)))))
        if ('failure' in result) throw new Error(`not stored: ${result.detail}`)
    }
    const page = (afterSeq: number): StoreRequest => ({
      verb: 'mailbox',
      aor: BOB,
      afterSeq,
      limit: PAGE,
      withHead: true,
    })
    const columns = [
      await timesOf(ask, () => ({ verb: 'summary', aor: BOB })),
      await timesOf(ask, () => page(0)),
      await timesOf(ask, () => page(Math.floor(Math.random() * Math.max(1, size - PAGE)))),
      await timesOf(ask, () => page(size - PAGE)),
    ]
    return [String(size), ...columns.map(shown), mib(process.memoryUsage().rss)]
  } finally {
    await store.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

const rows = [['waiting', 'summary us', `first ${PAGE} us`, `any ${PAGE} us`, `last ${PAGE} us`, 'RSS MiB']]
for (const size of options.sizes.split(',')) rows.push([...(await measure(Number(size)))])
const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
for (const row of rows) console.log(row.map((cell, column) => cell.padStart(widths[column]!)).join('  '))
