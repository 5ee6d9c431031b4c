import t, { type Test } from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { BoxProcess } from './box.ts'
import { type Books, disordered, invented, missing, type Repetition, repetitions, submittedAnew } from './ledger.ts'
import { Load } from './load.ts'
import { RealPhone } from './real-phone.ts'
import { Siege } from './siege.ts'
import { until } from './until.ts'

/** The promise that the product stands on, tried the hard way: SIGKILL under load, again and again. */

const KILLS_WHILE_STORING = 26
const KILLS_WHILE_DELIVERING = 26

/** How long after the receiver's 200 a deletion may still be on its way to the medium, on a busy machine. */
const UNFLUSHED_MS = 2000

/** Delivered and not yet deleted, at most, in one mailbox (16), and on the way to its receiver (16 over MSRP). */
const REPEATS_PER_KILL_MAX = 32

const seed = process.env.SEED ?? '1'
const random = new SeededEntropy(seed)
const SENDERS = [
  { user: 'alice', transport: 'udp' },
  { user: 'carol', transport: 'tcp' },
  { user: 'dave', transport: 'udp' },
  { user: 'erin', transport: 'tcp' },
] as const
const RECIPIENTS = [
  { user: 'bob', transport: 'udp', isInstantMessaging: false },
  { user: 'frank', transport: 'tcp', isInstantMessaging: false },
  { user: 'grace', transport: 'tcp', isInstantMessaging: true },
  { user: 'heidi', transport: 'udp', isInstantMessaging: true },
] as const

/** Back-off as short as it goes: the phones stay registered through every kill. */
const TOML = `[deferral]
quota_messages = 100000
[delivery]
retry_min_s = 1
retry_max_s = 2
`

t.setTimeout(240_000)

t.test('DM-DEC-02: SIGKILL under load loses nothing accepted, keeps the order, invents nothing', async t => {
  t.comment(`seed ${seed}`)
  const siege = await setUp(t)
  const { box, load } = siege
  let storing = 0
  for (let i = 0; i < KILLS_WHILE_STORING; i++) if (await siege.killWhileStoring()) storing++
  const kept = load.accepted.length
  t.comment(`${KILLS_WHILE_STORING} kills while storing, ${storing} of them with answers due; ${kept} accepted`)
  t.ok(kept > 200, 'a load it was')
  t.equal(siege.taken, 0, 'nobody was there')

  let delivering = 0
  for (let i = 0; i < KILLS_WHILE_DELIVERING; i++) if (await siege.killWhileDelivering()) delivering++
  t.comment(`${KILLS_WHILE_DELIVERING} kills while delivering, ${delivering} of them after something had arrived`)
  t.ok(delivering > KILLS_WHILE_DELIVERING / 2, 'deliveries were cut off')

  load.allow(0)
  await siege.start()
  siege.register()
  await until('an answer to everything', 45_000, () => load.unanswered === 0)
  await until('all of it', 30_000, () => missing(siege.books).length === 0).catch(error => t.comment(`${error}`))
  judge(t, siege.books, load)
  await until('an empty queue', 10_000, async () => (await box.restante('queue')).out.startsWith('0 messages'))
  t.match(await box.stop(), { code: 0 })
})

async function setUp(t: Test): Promise<Siege> {
  const users = [...SENDERS, ...RECIPIENTS].map(({ user }) => user)
  const dir = t.testdir({})
  const box = await BoxProcess.make(dir, { users, toml: TOML, env: { NODE_COMPILE_CACHE: `${dir}/cache` } })
  t.teardown(() => box.discard())
  // The first run fills the cache of compiled code when it ends, which a killed one cannot; it halves the time of each start.
  await box.start()
  await box.stop()
  const phoneOf = async ({ user, transport }: { user: string; transport: 'udp' | 'tcp' }) => {
    const phone = await RealPhone.open({ user, transport, boxPort: box.sipPort })
    t.teardown(() => phone.close())
    return phone
  }
  const senders = await Promise.all(SENDERS.map(phoneOf))
  const receivers: [RealPhone, boolean][] = []
  for (const recipient of RECIPIENTS) receivers.push([await phoneOf(recipient), recipient.isInstantMessaging])
  const recipients = RECIPIENTS.map(({ user }) => user)
  const load = new Load(senders, recipients, random.fork('load'))
  t.teardown(() => load.stop())
  load.start()
  return new Siege(box, load, receivers, random)
}

function judge(t: Test, books: Books, load: Load): void {
  const { kills, written } = books
  const again = repetitions(books)
  const anew = submittedAnew(books)
  const taken = [...books.taken.values()].reduce((sum, all) => sum + all.length, 0)
  t.comment(`${kills.length} kills; ${written.length} written, ${load.accepted.length} accepted, ${taken} taken`)
  t.comment(`${again.length} came twice around a kill, ${anew.length} were submitted anew after a challenge`)
  t.comment(`refusals ${JSON.stringify(Object.fromEntries(load.refusals))}`)
  t.ok(kills.length >= 50, '50 kills at least')
  t.same(missing(books), [], 'every accepted message arrived')
  t.same(invented(books), [], 'nothing arrived that nobody wrote')
  t.same(disordered(books).slice(0, 5), [], 'in the order of acceptance')
  const isInWindow = ({ kill, firstAt }: Repetition) => kill !== undefined && kill.at - firstAt < UNFLUSHED_MS
  t.same(again.filter(each => !isInWindow(each)).slice(0, 5), [], 'twice only if a kill came before the deletion')
  const perKill = new Map<string, number>()
  for (const { user, kill } of again) {
    const key = `${user} ${kill?.at}`
    perKill.set(key, (perKill.get(key) ?? 0) + 1)
  }
  t.ok(Math.max(0, ...perKill.values()) <= REPEATS_PER_KILL_MAX, 'and no more than were under way to one receiver')
}
