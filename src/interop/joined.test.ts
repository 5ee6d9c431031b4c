import { createHash, type Hash } from 'node:crypto'
import t from 'tap'
import type { Now } from '../base/time.ts'
import type { AnswerChunk, ChunkReceiver } from '../msrp/assembly.ts'
import type { ContinuationFlag, MsrpHead } from '../msrp/frame.ts'
import { CHAT } from '../testing/chat.ts'
import { LargeCall, type LargeCallOptions } from '../testing/large-call.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import { LargeContent } from './large-content.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(120_000)

const BOB = `sip:bob@${DOMAIN}`
const MB = 1_000_000
const WAIT_MS = 45_000

/** The hash of each message that came, chunk after chunk in order. */
class Hashes implements ChunkReceiver {
  readonly taken: string[] = []
  #hash: Hash = createHash('sha256')
  #at = 0

  begin(_now: Now, { byteRange }: MsrpHead): number {
    if (byteRange!.start === 1) {
      this.#hash = createHash('sha256')
      this.#at = 0
    }
    return byteRange!.start - 1 === this.#at ? 200 : 400
  }

  data(_now: Now, bytes: Buffer): number {
    this.#hash.update(bytes)
    this.#at += bytes.length
    return 200
  }

  end(now: Now, flag: ContinuationFlag, answer: AnswerChunk): void {
    if (flag === '$') this.taken.push(this.#hash.digest('hex'))
    answer(now, 200, flag === '$' ? this.#at : undefined)
  }

  abandon(): void {}
}

interface Entry {
  readonly kind: string
  readonly state: string
  readonly bytes: number
}

const history = async (box: BoxProcess): Promise<Entry[]> =>
  JSON.parse((await box.restante('history', BOB, '--json')).out) as Entry[]

async function dial(alice: RealPhone, options: Partial<LargeCallOptions> = CHAT): Promise<LargeCall> {
  const call = alice.act(now => new LargeCall(alice.phone, now, { to: BOB, ...options }))!
  await until('an answer to the INVITE', WAIT_MS, () => call.status)
  return call
}

t.test(
  'HIS-STO-04: 60 MB pass through a box that records them, in bounded memory, and SIGKILL leaves no record open',
  async t => {
    const toml = '[history]\nactive_default = true\n'
    const box = await BoxProcess.start(t.testdir({}), { users: ['alice', 'bob'], toml })
    t.teardown(() => box.discard())
    const alice = await RealPhone.open({ user: 'alice', transport: 'tcp', boxPort: box.sipPort })
    t.teardown(() => alice.close())
    const bob = await RealPhone.open({ user: 'bob', transport: 'tcp', boxPort: box.sipPort })
    t.teardown(() => bob.close())
    const hashes = new Hashes()
    bob.phone.chunkReceiver = () => hashes
    await bob.register({ isInstantMessaging: true })

    const before = box.rssBytes()
    const contents = [new LargeContent(60 * MB, 'one'), new LargeContent(1000, 'two')]
    const call = await dial(alice)
    for (const content of contents) {
      const sent = alice.act(now => call.send(now, content, 'application/x-any'))!
      await until('it is sent', WAIT_MS, () => sent.outcome)
      t.same(sent.outcome, { status: 200 })
    }
    alice.act(now => call.hangUp(now))
    await until('the BYE', WAIT_MS, () => bob.inbox.calls.at(-1)?.ended)
    t.same(
      hashes.taken,
      contents.map(content => content.sha256()),
    )
    await until('the end of the record', WAIT_MS, async () => (await history(box))[0]?.state !== 'open')
    const [entry] = await history(box)
    t.comment(`${entry!.state}, ${entry!.bytes} octets; ${Math.round((box.rssBytes() - before) / MB)} MB more resident`)
    t.match(entry, { kind: 'session' })
    if (entry!.state === 'whole') t.ok(entry!.bytes > 60 * MB)
    else t.equal(entry!.state, 'cut short', 'a disk that is slower than a loopback interface')

    const cut = await dial(alice)
    const sent = alice.act(now => cut.send(now, Buffer.from('before the power went'), 'text/plain'))!
    await until('it is sent', WAIT_MS, () => sent.outcome)
    // No message waits for its record: without this one the box may be killed before there is any.
    await until('the record is begun', WAIT_MS, async () => (await history(box))[0]?.state === 'open')
    await box.kill()
    await until('the phone knows', WAIT_MS, () => cut.closed)
    await box.start()
    const states = (await history(box)).map(({ state }) => state)
    t.equal(states.length, 2)
    t.notOk(states.includes('open'))
    t.match(await box.stop(), { code: 0 })
  },
)
