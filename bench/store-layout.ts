/**
 * How the mailbox lies on the flash: whole records under their mailbox, or bodies in order of arrival with a small entry under the
 * mailbox. Writes the same messages both ways through LMDB as the store opens it and prints what each costs. See docs/storage.md.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { LmdbTable, openTable } from '../src/host/lmdb-table.ts'
import { groupOf } from '../src/store/identities.ts'
import { type Key, Overlay } from '../src/store/key-value.ts'
import {
  bodyKey,
  endedKey,
  expiryKey,
  headKey,
  identitiesKey,
  indexKey,
  lifeKey,
  TOTALS_KEY,
} from '../src/store/keys.ts'

const HELP = `usage: store-layout.ts [--dir FOLDER | --loop] [--messages N] [--users N]
  --dir FOLDER   where to write (default: the system's temporary folder); device bytes count everybody's writes to that disk
  --loop         as root: write to a file system of its own on a loop device, so that device bytes are exact`

const { values: options } = parseArgs({
  options: {
    dir: { type: 'string', default: tmpdir() },
    loop: { type: 'boolean', default: false },
    messages: { type: 'string', default: '20000' },
    users: { type: 'string', default: '1000' },
    help: { type: 'boolean', default: false },
  },
})

const USERS = Number(options.users)
const START = 1_900_000_000_000
const SECTOR_BYTES = 512
/** Sizes as the store's records have them: a body of 1 KiB in a request with usual headers. */
const [BODY, LIFE, INDEX, HEAD, IDENTITIES, TOTALS] = [1024 + 450, 230, 28, 40, 517, 56].map(size =>
  Buffer.alloc(size, 65),
) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer]
const NONE = Buffer.alloc(0)

interface Layout {
  readonly name: string
  custody(table: Overlay, user: number, seq: number): void
  confirm(table: Overlay, user: number, seq: number): void
}

const at = (seq: number): never => (START + seq) as never

/** What both have: counters, identities, expiry. */
function common(table: Overlay, user: number, seq: number): void {
  table.get(headKey(user))
  table.put(headKey(user), HEAD)
  table.put(identitiesKey(groupOf(seq)), IDENTITIES)
  table.put(expiryKey(at(seq), seq), NONE)
  table.put(TOTALS_KEY, TOTALS)
}

function commonEnd(table: Overlay, user: number, seq: number): void {
  table.get(headKey(user))
  table.put(headKey(user), HEAD)
  table.remove(expiryKey(at(seq), seq))
  table.put(endedKey(at(seq), seq), NONE)
  table.put(TOTALS_KEY, TOTALS)
}

const storyKey = (user: number, seq: number): Key => `${indexKey(user, seq)}l`

const BY_MAILBOX: Layout = {
  name: 'whole record under [mailbox, seq]',
  custody(table, user, seq) {
    common(table, user, seq)
    table.put(indexKey(user, seq), Buffer.concat([INDEX, BODY]))
    table.put(storyKey(user, seq), LIFE)
  },
  confirm(table, user, seq) {
    commonEnd(table, user, seq)
    table.get(storyKey(user, seq))
    table.remove(indexKey(user, seq))
    table.put(storyKey(user, seq), LIFE)
  },
}

const BY_ARRIVAL: Layout = {
  name: 'body in order of arrival, index under mailbox',
  custody(table, user, seq) {
    common(table, user, seq)
    table.put(indexKey(user, seq), INDEX)
    table.put(bodyKey(seq), BODY)
    table.put(lifeKey(seq), LIFE)
  },
  confirm(table, user, seq) {
    commonEnd(table, user, seq)
    table.get(indexKey(user, seq))
    table.get(lifeKey(seq))
    table.remove(indexKey(user, seq))
    table.remove(bodyKey(seq))
    table.put(lifeKey(seq), LIFE)
  },
}

/** Bytes written to the device that holds `folder`, by anybody. */
function deviceBytes(folder: string): number {
  const { dev } = statSync(folder)
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)]
  const lines = readFileSync('/proc/diskstats', 'latin1').split('\n')
  const fields = lines
    .map(line => line.trim().split(/\s+/))
    .find(([a, b]) => a === String(major) && b === String(minor))
  return Number(fields?.[9] ?? Number.NaN) * SECTOR_BYTES
}

/** Messages go round the users in an order that has no pattern. */
const userOf = (seq: number): number => 1 + ((Math.imul(seq, 2654435761) >>> 0) % USERS)

type Step = (table: Overlay, user: number, seq: number) => void

/** So many messages at a time share a commit, as with so many senders who each wait for their answer. */
async function measure(
  folder: string,
  table: ReturnType<typeof openTable>,
  outstanding: number,
  messages: number,
  step: Step,
) {
  const times: number[] = []
  const keyValue = new LmdbTable(table)
  const [bytesBefore, cpuBefore, start] = [deviceBytes(folder), process.cpuUsage(), performance.now()]
  for (let seq = 1; seq <= messages; ) {
    const began = performance.now()
    await table.childTransaction(() => {
      const overlay = new Overlay(keyValue)
      for (let i = 0; i < outstanding && seq <= messages; i++, seq++) {
        step(overlay, userOf(seq), seq)
        overlay.accept()
      }
      overlay.flush()
    })
    times.push(performance.now() - began)
  }
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  if (options.loop) execFileSync('sync', ['-f', folder])
  times.sort((a, b) => a - b)
  return {
    'messages/s': Math.round(messages / seconds),
    'p50 ms': round(times[times.length >> 1]!),
    'p99 ms': round(times[Math.floor(times.length * 0.99)]!),
    'device B/message': Math.round((deviceBytes(folder) - bytesBefore) / messages),
    'CPU us/message': Math.round((user + system) / messages),
    'commits/message': round(times.length / messages),
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000

async function run(folder: string): Promise<void> {
  const rows: Record<string, unknown>[] = []
  for (const outstanding of [1, 32]) {
    const messages = outstanding === 1 ? Math.ceil(Number(options.messages) / 10) : Number(options.messages)
    for (const layout of [BY_MAILBOX, BY_ARRIVAL]) {
      const place = join(folder, 'layout')
      mkdirSync(place)
      const table = openTable(place, 2 ** 33)
      for (const what of ['custody', 'confirm'] as const) {
        const figures = await measure(folder, table, outstanding, messages, layout[what])
        rows.push({ layout: layout.name, outstanding, what, ...figures })
      }
      await table.close()
      rmSync(place, { recursive: true })
    }
  }
  console.table(rows)
}

function mountLoop(folder: string): string {
  const [image, place] = [join(folder, 'image'), join(folder, 'mounted')]
  mkdirSync(place)
  execFileSync('truncate', ['-s', '2G', image])
  execFileSync('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image])
  execFileSync('mount', ['-o', 'loop', image, place])
  return place
}

if (options.help) console.log(HELP)
else {
  const folder = mkdtempSync(join(options.dir, 'store-layout-'))
  const mounted = options.loop ? mountLoop(folder) : undefined
  try {
    await run(mounted ?? folder)
  } finally {
    if (mounted) execFileSync('umount', [mounted])
    rmSync(folder, { recursive: true })
  }
}
