/**
 * Whether anything grows while a box lives: `node bench/soak.ts [MINUTES]` (30). A box of its own on loopback has users who come and go, messages and
 * large messages kept, pushed, fetched and given back from histories, conversations, connections that break, pages, a console's commands, a backup
 * now and then. Each minute a line: its own memory, file descriptors, what it holds. Then everybody leaves, and what is still held after a while stands last.
 * RESTANTE_PROGRAM=FILE takes the binary. The last line says by how much the second half's memory is over the first's.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BoxProcess, DOMAIN } from '../src/interop/box.ts'
import { askApi, finishSetup, PASSWORD } from '../src/interop/browser.ts'
import { RealPhone } from '../src/interop/real-phone.ts'
import { until } from '../src/interop/until.ts'
import { CHAT } from '../src/testing/chat.ts'
import { HistoryInbox } from '../src/testing/history-inbox.ts'
import { LargeCall, type LargeCallOptions } from '../src/testing/large-call.ts'

/** Longer than Timer B: some left without a word. */
const WAIT_MS = 45_000
/** Timer C, refresh timers and the watch of idle connections are through by then. */
const QUIET_MS = 240_000
const AWAY = ['bob', 'erin', 'frank', 'grace']
const awayIn = (round: number): string => AWAY[round % AWAY.length]!
const aorOf = (user: string): string => `sip:${user}@${DOMAIN}`

const WHOLE = { fetches: 'all', acceptContact: '*;+g.oma.sip-im' } as const

/** Quotas so small that expiry, eviction and removal take part. */
const TOML = `[history]
active_default = true
quota_bytes = 2000000
[deferral]
quota_bytes = 8000000
max_message_bytes = 4000000
`

const [minutes = '30'] = process.argv.slice(2)
const dir = mkdtempSync(join(tmpdir(), 'restante-soak-'))
const box = await BoxProcess.start(dir, { users: ['alice', 'carol', ...AWAY], toml: TOML })
const kept: { anonMb: number; fds: number }[] = []
const failures = new Map<string, number>()
try {
  await finishSetup(box)
  const end = performance.now() + Number(minutes) * 60_000
  let told = performance.now()
  for (let round = 0; performance.now() < end; round++) {
    for (const step of stepsOf(round)) await step(round).catch(error => failed(step.name, error))
    if (performance.now() < told) continue
    told = performance.now() + 60_000
    await tell(round)
  }
  await sleep(QUIET_MS)
  await tell(-1, true)
  const half = kept.length >> 1
  const mean = (part: typeof kept): number => part.reduce((sum, { anonMb }) => sum + anonMb, 0) / part.length
  console.log(`second half over first: ${(mean(kept.slice(half)) / mean(kept.slice(0, half))).toFixed(3)}`)
  const ended = await box.stop()
  console.log(
    `stopped in ${Math.round(ended.ms)} ms with ${ended.code}; ${[...failures].map(String).join('; ') || 'no step failed'}`,
  )
} finally {
  await box.discard()
  rmSync(dir, { recursive: true, force: true })
}

function stepsOf(round: number): ((round: number) => Promise<void>)[] {
  const every = (count: number, step: (round: number) => Promise<void>) => (round % count === 0 ? [step] : [])
  return [
    written,
    comeBack,
    ...every(3, large),
    ...every(4, conversation),
    ...every(5, fetched),
    ...every(7, givenBack),
    ...every(6, broken),
    ...every(9, pages),
    ...every(20, commands),
    ...every(200, backup),
  ]
}

function failed(step: string, error: Error): void {
  failures.set(step, (failures.get(step) ?? 0) + 1)
  if (failures.get(step) === 1) console.error(`${step}: ${error.message}`)
}

async function withPhone(user: string, round: number, use: (phone: RealPhone) => Promise<void>): Promise<void> {
  const phone = await RealPhone.open({ user, transport: round % 2 ? 'tcp' : 'udp', boxPort: box.sipPort })
  try {
    await use(phone)
  } finally {
    await phone.close()
  }
}

async function written(round: number): Promise<void> {
  await withPhone('alice', round, async alice => {
    for (let count = 0; count < 10; count++)
      await alice.message({
        to: aorOf(awayIn(round + (count % 2))),
        body: `round ${round}, ${count} ${'x'.repeat(count * 90)}`,
      })
  })
}

/** Takes what waits, and leaves; every third without a word. */
async function comeBack(round: number): Promise<void> {
  await withPhone(awayIn(round), round, async phone => {
    const isInstantMessaging = round % 3 > 0
    if ((await phone.register({ isInstantMessaging })) !== 200) throw new Error('not registered')
    await until('what waits', WAIT_MS, () => phone.inbox.taken.length >= 5)
    if (round % 3 > 0) await phone.register({ isInstantMessaging, expiresS: 0 })
  })
}

async function called(phone: RealPhone, options: LargeCallOptions): Promise<LargeCall> {
  const call = phone.act(now => new LargeCall(phone.phone, now, options))!
  await until('an answer to the INVITE', WAIT_MS, () => call.status)
  if (call.status !== 200 && call.status !== 480) throw new Error(`INVITE: ${call.status}`)
  return call
}

async function said(phone: RealPhone, call: LargeCall, body: Buffer): Promise<void> {
  const sent = phone.act(now => call.send(now, body))!
  await until('it is sent', WAIT_MS, () => sent.outcome)
}

async function large(round: number): Promise<void> {
  await withPhone('alice', round, async alice => {
    const call = await called(alice, { to: aorOf(awayIn(round + 1)) })
    await said(alice, call, Buffer.alloc(300_000, round))
    if (round % 2) alice.act(now => call.hangUp(now))
  })
}

async function conversation(round: number): Promise<void> {
  await withPhone('carol', 1, async carol => {
    await carol.register({ isInstantMessaging: true })
    await withPhone('alice', round, async alice => {
      const call = await called(alice, { to: aorOf('carol'), ...CHAT })
      for (let count = 0; count < 5; count++) await said(alice, call, Buffer.from(`said ${count} in round ${round}`))
      if (round % 3) alice.act(now => call.hangUp(now))
    })
    if (round % 2) await carol.register({ expiresS: 0 })
  })
}

async function fetched(round: number): Promise<void> {
  await withPhone(awayIn(round + 2), round, async phone => {
    const call = await called(phone, { to: `sip:deferred@${DOMAIN}`, ...WHOLE })
    if (call.status === 200) await until('the BYE', WAIT_MS, () => call.ended)
  })
}

async function givenBack(round: number): Promise<void> {
  await withPhone(awayIn(round), round, async phone => {
    new HistoryInbox(phone)
    const call = await called(phone, { to: `sip:history@${DOMAIN}`, ...WHOLE })
    if (round % 2) await until('the BYE', WAIT_MS, () => call.ended)
  })
}

/** Half a message, a half-open MSRP session, nonsense: and gone. */
async function broken(): Promise<void> {
  const halves = [
    [
      box.sipPort,
      `MESSAGE ${aorOf('bob')} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKhalf\r\nContent-Length: 90\r\n\r\nno`,
    ],
    [box.msrpPort, `MSRP abcd1234 SEND\r\nTo-Path: msrp://127.0.0.1:${box.msrpPort}/none;tcp\r\n`],
    [box.httpPort, 'GET /api/v1/status HTTP/1.1\r\nHost: '],
    [box.sipPort, '\0\0\0\0'],
  ] as const
  for (const [port, text] of halves) {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    await new Promise(done => socket.once('connect', done))
    await new Promise(done => socket.write(text, 'latin1', done))
    socket.destroy()
  }
}

async function pages(): Promise<void> {
  for (const path of ['/status', '/queue', '/users', '/history', '/alarms', '/logs'])
    await askApi(box, path).catch(() => {})
  const form = new URLSearchParams({ name: 'admin', password: PASSWORD })
  const at = `http://127.0.0.1:${box.httpPort}`
  const login = await fetch(`${at}/login`, { method: 'POST', body: form, redirect: 'manual' })
  const cookie = login.headers.getSetCookie()[0]!.split(';')[0]!
  for (const path of ['/', '/users', '/queue', '/history', '/logs', '/metrics'])
    await (await fetch(`${at}${path}`, { headers: { cookie } })).arrayBuffer()
}

async function commands(): Promise<void> {
  for (const line of [['queue'], ['user', 'list'], ['history', aorOf('bob')]]) await box.restante(...line)
}

async function backup(): Promise<void> {
  let job = (await askApi(box, '/backup', { method: 'POST', body: { passphrase: 'heron on the weir' } })) as {
    id: string
    state: string
  }
  while (job.state === 'running') {
    await sleep(200)
    job = (await askApi(box, `/jobs/${job.id}`)) as typeof job
  }
}

/** What it holds: the gauges that stand above 0 when it is quiet would be leaks. */
async function tell(round: number, isLast = false): Promise<void> {
  const { pid } = box
  const anonMb = Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
  const fds = readdirSync(`/proc/${pid}/fd`).length
  if (!isLast) kept.push({ anonMb, fds })
  const metrics = await (await fetch(`http://127.0.0.1:${box.httpPort}/metrics`)).text()
  const gauges = metrics
    .split('\n')
    .filter(line => /^restante_(?!.*_total)[a-z_]+ [1-9]/.test(line) && !/bytes|seconds|_at |wear|latest/.test(line))
    .map(line => line.slice('restante_'.length))
  console.log(
    `${isLast ? 'quiet' : `round ${round}`}: ${anonMb.toFixed(1)} MiB of its own, ${fds} descriptors; ${gauges.join(', ')}`,
  )
}
