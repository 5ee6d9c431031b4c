import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import { LmdbStore } from '../host/lmdb.ts'
import type { HistoryEntry, HistoryHeads, HistoryParticipant } from '../store/history.ts'
import type { RequestOf, StoreRequest, Verb, Verbs } from '../store/verbs.ts'
import { LargeCall } from '../testing/large-call.ts'
import { Referring } from '../testing/referring.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import { FocusProcess, type FocusReport } from './focus.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(120_000)

const WAIT_MS = 30_000
const USERS = ['alice', 'bob', 'carol']
const HISTORY = `sip:history@${DOMAIN}`
const ALICE = `sip:alice@${DOMAIN}`

interface Stage {
  readonly box: BoxProcess
  readonly focus: FocusProcess
  readonly phones: readonly RealPhone[]
}

/** Box, focus and phones, each behind sockets of its own. */
async function staged(t: Test): Promise<Stage> {
  const focus = await FocusProcess.start()
  t.teardown(() => focus.stop())
  const toml = `[history]\nconference_factory_uri = "${focus.factory}"\n`
  const box = await BoxProcess.start(t.testdir({}), { users: USERS, toml })
  t.teardown(() => box.discard())
  const phones = await Promise.all(USERS.map(user => RealPhone.open({ user, transport: 'tcp', boxPort: box.sipPort })))
  t.teardown(() => Promise.all(phones.map(phone => phone.close())))
  return { box, focus, phones }
}

/** A call to the factory, by way of the box as the phone's proxy; MSRP goes straight to the focus. */
async function joined(phone: RealPhone, { focus }: Stage): Promise<LargeCall> {
  const call = phone.act(
    now =>
      new LargeCall(phone.phone, now, {
        to: focus.factory,
        acceptContact: '*;+g.oma.sip-im',
        fetches: 'all',
        attributes: ['sendrecv'],
      }),
  )!
  t.equal(await until('an answer of the factory', WAIT_MS, () => call.status), 200)
  return call
}

async function recording(alice: RealPhone, { focus }: Stage): Promise<Referring> {
  const to = `${HISTORY};history-type=session;filename=Stand-up`
  const referring = alice.act(now => new Referring(alice.phone, now, { to, referTo: `<${focus.factory}>` }))!
  await until('the last word', WAIT_MS, () => referring.isOver)
  t.same(referring.progress, ['SIP/2.0 100 Trying', 'SIP/2.0 200 OK'])
  await until('the recorder listens', WAIT_MS, async () => {
    const report = await focus.report()
    return report.isWatched && recorderOf(report)?.isReady
  })
  return referring
}

const recorderOf = ({ members }: FocusReport) => members.find(({ agent }) => agent.startsWith('IM-serv'))
const sentTo = (report: FocusReport) => recorderOf(report)!.sends.map(send => Buffer.from(send, 'base64'))

interface Read {
  readonly entry: HistoryEntry
  readonly heads: HistoryHeads
  readonly participants: readonly HistoryParticipant[]
  readonly wire: Buffer
}

/** The box is not running. */
async function readBack(box: BoxProcess): Promise<Read[]> {
  const store = await LmdbStore.open({ dir: box.dataDir, hostname: '127.0.0.1', mapBytes: 2 ** 30, log: silentLog })
  const ask = <V extends Verb>(verb: V, request: Verbs[V]['request']): Promise<Verbs[V]['reply']> =>
    new Promise((resolve, reject) => {
      const whole = { verb, ...request } as RequestOf<V> as unknown as StoreRequest
      store.submit(whole, result => {
        if ('failure' in result) reject(new Error(result.detail))
        else resolve(result.value as Verbs[V]['reply'])
      })
    })
  const { entries } = await ask('history.list', { aor: ALICE, filter: {}, order: 'oldest', limit: 10 })
  const read: Read[] = []
  for (const { reference } of entries) {
    const got = (await ask('history.get', { aor: ALICE, reference }))!
    const pieces: Buffer[] = []
    for (let from = 0, isLast = false; !isLast; ) {
      const page = (await ask('history.pieces', { aor: ALICE, reference, from, bytes: 1_000_000 }))!
      pieces.push(...page.pieces.map(({ bytes }) => bytes))
      from = page.next
      isLast = page.isLast
    }
    read.push({ ...got, wire: Buffer.concat(pieces) })
  }
  await store.close()
  return read
}

t.test(
  'HIS-REF-09, HIS-INV-10: a conference over real sockets is recorded byte for byte as its focus sent it',
  async t => {
    const stage = await staged(t)
    const { box, focus, phones } = stage
    const [alice, bob, carol] = phones as [RealPhone, RealPhone, RealPhone]
    await recording(alice, stage)
    const [bobs, carols] = [await joined(bob, stage), await joined(carol, stage)]
    const bodies = [
      Buffer.from('good morning'),
      Buffer.from([0, 255, 13, 10, 45, 45, 45, 45, 45, 45, 45, 36, 13, 10]),
      Buffer.alloc(200_000, 'a long text '),
    ]
    for (const [index, body] of bodies.entries()) {
      const [phone, call] = index % 2 === 0 ? [bob, bobs] : [carol, carols]
      const sent = phone.act(now => call.send(now, body, 'application/x-anything'))!
      await until('an answer to the SEND', WAIT_MS, () => sent.outcome)
    }
    bob.act(now => bobs.hangUp(now))
    await until('bob is gone', WAIT_MS, async () => (await focus.report()).members.some(({ ended }) => ended))
    await until('carol has heard bob', WAIT_MS, () => carol.inbox.arrived.length === 2)
    const report = await focus.tell('end')
    await until(
      'the record is closed',
      WAIT_MS,
      async () => (await box.metric('restante_history_records_total', 'whole')) === 1,
    )
    t.match(await box.stop(), { code: 0 })

    const [item, ...others] = await readBack(box)
    t.same(others, [])
    t.match(item!.entry, { state: 'whole', role: 'recorder', recordingName: 'Stand-up', from: ALICE })
    const sends = sentTo(report)
    t.equal(item!.wire.compare(Buffer.concat(sends)), 0, `${sends.length} SENDs, octet for octet`)
    t.equal(item!.entry.count, sends.length)
    for (const body of bodies.slice(0, 2)) t.ok(item!.wire.includes(body), 'what was said is in it')
    const names = item!.participants.map(({ uri }) => uri)
    t.ok(names.includes(`sip:bob@${DOMAIN}`) && names.includes(`sip:carol@${DOMAIN}`))
    t.ok(item!.participants.find(({ uri }) => uri === `sip:bob@${DOMAIN}`)?.leftAt, 'bob left')
    t.match(item!.heads.answer?.toString(), /^SIP\/2\.0 200 OK\r\n/)
    t.match(item!.heads.bye?.toString(), /^BYE sip:im@/)
  },
)

t.test('SIGKILL in the middle: what was answered is on flash, and the record is closed as interrupted', async t => {
  const stage = await staged(t)
  const { box, focus, phones } = stage
  const [alice, bob] = phones as [RealPhone, RealPhone]
  await recording(alice, stage)
  const call = await joined(bob, stage)
  for (let n = 0; n < 20; n++) bob.act(now => call.send(now, Buffer.from(`line ${n}`)))
  await until('some of it is out', WAIT_MS, async () => recorderOf(await focus.report())!.answered >= 10)
  await box.kill()
  const report = await focus.report()
  const { answered } = recorderOf(report)!
  await box.start()
  await until('what was open is closed', WAIT_MS, () => box.err.includes('histories cut off by the stop end there'))
  t.match(await box.stop(), { code: 0 })

  const [item, ...others] = await readBack(box)
  t.same(others, [])
  t.match(item!.entry, { state: 'interrupted', role: 'recorder' })
  const sends = sentTo(report)
  const kept = sends.slice(0, item!.entry.count)
  t.ok(kept.length >= answered, `${kept.length} kept, ${answered} answered`)
  t.equal(item!.wire.compare(Buffer.concat(kept)), 0, 'octet for octet')
})
