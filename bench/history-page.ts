/**
 * What one page of a history costs, however much is kept: the newest, in the middle after a cursor, from a time on, of one peer, and the
 * summary, over LMDB as the box opens it. Then what a message takes longer into custody because of its history. Medians and 99th percentiles.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { silentLog } from '../src/base/log.ts'
import type { WallTime } from '../src/base/time.ts'
import { LmdbStore } from '../src/host/lmdb.ts'
import type { HistoryFilter, HistoryPage, NewHistory } from '../src/store/history.ts'
import type { StoreRequest, StoreResult, Verb } from '../src/store/verbs.ts'

const HELP = `usage: history-page.ts [--dir FOLDER] [--sizes 1000,1000000] [--rounds N] [--messages N]
  --dir FOLDER   where to write (default: the system's temporary folder)
  --sizes LIST   items in the history
  --rounds N     how often each question is asked (default: 1000)
  --messages N   messages taken into custody with and without history (default: 30000; 0: not measured)`

const { values: options } = parseArgs({
  options: {
    dir: { type: 'string', default: tmpdir() },
    sizes: { type: 'string', default: '1000,1000000' },
    rounds: { type: 'string', default: '1000' },
    messages: { type: 'string', default: '30000' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(HELP)
  process.exit(0)
}

const ROUNDS = Number(options.rounds)
const MESSAGES = Number(options.messages)
const BOB = 'sip:bob@example.org'
const START = 1_900_000_000_000
const PAGE = 50
const PEERS = 200
/** Requests under way at a time while the history is filled. */
const BATCH = 1000
/** As one box has them that is asked for many at once. */
const OUTSTANDING = 32
const USERS = 1000
const CUSTODY_LIMITS = { quotaMessages: 1e7, quotaBytes: 2 ** 40, reserveBytes: 0 }
const HISTORY_LIMITS = { quotaBytes: 2 ** 40, dayBytes: 2 ** 40, reserveBytes: 0, isActiveByDefault: true }

const at = (number: number): WallTime => (START + number) as WallTime
const peerOf = (number: number): string => `sip:peer${number % PEERS}@example.net`

const requestOf = (number: number, to: string): Buffer =>
  Buffer.from(
    [
      `MESSAGE ${to} SIP/2.0`,
      `Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK776s${number}`,
      'Max-Forwards: 70',
      `From: <${peerOf(number)}>;tag=49583`,
      `To: <${to}>`,
      `P-Asserted-Identity: <${peerOf(number)}>`,
      'Date: Thu, 21 Feb 2030 13:02:03 GMT',
      `Call-ID: call-${number}@192.0.2.7`,
      'CSeq: 1 MESSAGE',
      'Content-Type: text/plain',
      'Content-Length: 1024',
      '',
      'x'.repeat(1024),
    ].join('\r\n'),
  )

const historyOf = (number: number, aor: string): NewHistory => ({
  item: {
    kind: 'message',
    receivedAt: at(number),
    from: peerOf(number),
    to: aor,
    subject: 'carpool tomorrow?',
    callId: `call-${number}@192.0.2.7`,
    isAnonymous: false,
    assertedIdentity: peerOf(number),
  },
  owners: [{ aor, role: 'receiver', peer: peerOf(number) }],
  piece: { at: at(number), from: 'caller', bytes: requestOf(number, aor), isEnd: true },
  limits: HISTORY_LIMITS,
})

type Ask = (request: StoreRequest) => Promise<unknown>

const asking =
  (store: LmdbStore): Ask =>
  request =>
    new Promise((resolve, reject) =>
      store.submit(request, (result: StoreResult<Verb>) =>
        'value' in result ? resolve(result.value) : reject(new Error(result.detail)),
      ),
    )

const accountOf = (aor: string): StoreRequest => ({
  verb: 'account.put',
  account: { aor, ha1Md5: '0123456789abcdef0123456789abcdef', origin: 'store' },
})

const listOf = (filter: HistoryFilter, after?: string): StoreRequest => ({
  verb: 'history.list',
  aor: BOB,
  filter,
  order: 'newest',
  limit: PAGE,
  ...(after !== undefined && { after }),
})

async function report(name: string, ask: Ask, next: (round: number) => StoreRequest): Promise<void> {
  const times: number[] = []
  let entries = 0
  for (let round = 0; round < ROUNDS; round++) {
    const request = next(round)
    const began = performance.now()
    const reply = await ask(request)
    times.push(performance.now() - began)
    entries = (reply as Partial<HistoryPage>).entries?.length ?? 0
  }
  times.sort((a, b) => a - b)
  const [median, high] = [0.5, 0.99].map(part => times[Math.floor(part * (times.length - 1))]!.toFixed(3))
  console.log(`  ${name.padEnd(28)} ${String(entries).padStart(3)} entries   ${median} / ${high} ms`)
}

async function pages(size: number): Promise<void> {
  const dir = mkdtempSync(join(options.dir, 'history-'))
  const store = await LmdbStore.open({ dir, hostname: 'edge1.example.org', mapBytes: 2 ** 36, log: silentLog })
  const ask = asking(store)
  await ask(accountOf(BOB))
  const began = performance.now()
  for (let number = 0; number < size; number += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, size - number) }, (_, i) => historyOf(number + i, BOB))
    await Promise.all(batch.map(history => ask({ verb: 'history.keep', ...history })))
  }
  const filledMs = performance.now() - began
  console.log(`${size} items (kept at ${((size / filledMs) * 1000).toFixed(0)}/s)`)
  const middle = (await ask(listOf({ until: at(size / 2) }))) as HistoryPage
  await report('newest page', ask, () => listOf({}))
  await report('after a cursor, middle', ask, () => listOf({}, middle.next))
  await report('from a time on, any', ask, round => listOf({ until: at(((round * 7919) % size) + PAGE) }))
  await report('of one peer, any', ask, round => listOf({ peer: peerOf(round) }))
  await report('subject that is not there', ask, () => listOf({ subject: 'nowhere' }))
  await report('summary', ask, () => ({ verb: 'history.summary', aor: BOB }))
  await store.close()
  rmSync(dir, { recursive: true })
}

/** Messages for all users in turn, so many outstanding; microseconds of processor time and messages a second. */
async function custody(hasHistory: boolean): Promise<{ perSecond: number; cpu: number }> {
  const dir = mkdtempSync(join(options.dir, 'history-'))
  const store = await LmdbStore.open({ dir, hostname: 'edge1.example.org', mapBytes: 2 ** 36, log: silentLog })
  const ask = asking(store)
  const users = Array.from({ length: USERS }, (_, i) => `sip:user${i}@example.org`)
  await Promise.all(users.map(aor => ask(accountOf(aor))))
  let number = 0
  const one = async (): Promise<void> => {
    while (number < MESSAGES) {
      const mine = number++
      const aor = users[(mine * 7919) % USERS]!
      const bytes = requestOf(mine, aor)
      const identity = { recipient: aor, sender: peerOf(mine), callId: `call-${mine}`, cseq: 1, fromTag: 'a' }
      const times = { receivedAt: at(mine), expiresAt: at(1e9 + mine) }
      const message = { ...identity, ...times, bytes, isUrgent: false }
      const history = historyOf(mine, aor)
      await ask({ verb: 'custody', message, limits: CUSTODY_LIMITS, ...(hasHistory && { history }) })
    }
  }
  const began = performance.now()
  const used = process.cpuUsage()
  await Promise.all(Array.from({ length: OUTSTANDING }, one))
  const { user, system } = process.cpuUsage(used)
  const perSecond = (MESSAGES / (performance.now() - began)) * 1000
  await store.close()
  rmSync(dir, { recursive: true })
  return { perSecond, cpu: (user + system) / MESSAGES }
}

for (const size of options.sizes.split(',').filter(Boolean)) await pages(Number(size))
if (MESSAGES > 0) {
  const turns = [false, true, true, false, false, true]
  const sums = { false: { perSecond: 0, cpu: 0 }, true: { perSecond: 0, cpu: 0 } }
  for (const turn of turns) {
    const { perSecond, cpu } = await custody(turn)
    const sum = sums[`${turn}`]
    sum.perSecond += perSecond / 3
    sum.cpu += cpu / 3
  }
  for (const turn of [false, true]) {
    const { perSecond, cpu } = sums[`${turn}`]
    console.log(
      `custody ${turn ? 'with' : 'without'} history, ${OUTSTANDING} outstanding: ${perSecond.toFixed(0)}/s, ${cpu.toFixed(0)} us of processor time each`,
    )
  }
  console.log(`ratio ${(sums.true.perSecond / sums.false.perSecond).toFixed(2)}`)
}
