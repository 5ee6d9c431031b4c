import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BoxProcess, DOMAIN } from './box.ts'
import { LoopMedium } from './loop-medium.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** A real file system on a real block device that fails under the box. */

t.setTimeout(120_000)

const TOML = '[deferral]\nreserve_bytes = 1000000\n[delivery]\nretry_min_s = 1\nretry_max_s = 1'

const failures: Record<string, { readonly fail: (medium: LoopMedium) => void; readonly words: RegExp }> = {
  'a file system that the kernel has made read-only': {
    fail: medium => medium.breakDown(),
    words: /the store cannot write.*read-only/,
  },
  'a device that writes nothing more': { fail: medium => medium.starve(), words: /the store cannot write/ },
}

for (const [name, { fail, words }] of Object.entries(failures)) {
  t.test(`${name}: 603 and 503, what waits is delivered, no end of the process, and well again when it is`, async t => {
    const dir = mkdtempSync(join(tmpdir(), 'restante-medium-'))
    t.teardown(() => rmSync(dir, { recursive: true, force: true }))
    const medium = LoopMedium.make(dir, join(dir, 'data'))
    if ('why' in medium) return t.pass(`no ext4 on a loop device here, so this is passed over: ${medium.why}`)
    t.teardown(() => medium.remove())
    const box = await BoxProcess.start(dir, { users: ['alice', 'bob', 'carol'], toml: TOML })
    t.teardown(() => box.discard())
    const alice = await phone(t, box, 'alice')
    const bob = await phone(t, box, 'bob')
    t.equal(await bob.register(), 200)
    bob.phone.behaviour.message = () => 480
    for (let i = 0; i < 3; i++)
      t.equal((await alice.message({ to: `sip:bob@${DOMAIN}`, body: `kept ${i}` })).status, 202)

    fail(medium)
    const body = 'x'.repeat(1000)
    await until('a message is refused', 20_000, async () => {
      const { status } = await alice.message({ to: `sip:carol@${DOMAIN}`, body })
      return status === 603
    })
    const health = await until('/healthz says so', 20_000, async () => {
      const found = await box.health()
      return found.code === 503 && words.test(found.text) ? found : undefined
    })
    t.comment(health.text)
    for (let i = 0; i < 5; i++)
      t.equal((await alice.message({ to: `sip:carol@${DOMAIN}`, body })).status, 603, 'and goes on refusing')
    bob.phone.behaviour.message = () => 200
    await until('what waits is delivered all the same', 20_000, () => bob.inbox.taken.length === 3)
    t.ok(box.isRunning)
    t.notMatch(box.err, /internal error/)
    const carols = await box.metric('restante_messages_stored_total')
    t.match(await box.stop(), { code: 0, signal: null })

    medium.heal()
    await box.start()
    t.equal((await box.health()).code, 200)
    // What was delivered and could not be noted comes a second time.
    t.ok((await box.metric('restante_messages_waiting')) >= carols - 3, 'nothing that was answered is lost')
    t.equal((await alice.message({ to: `sip:carol@${DOMAIN}`, body: 'kept after' })).status, 202)
    t.match(await box.stop(), { code: 0 })
  })
}

async function phone(t: Test, box: BoxProcess, user: string): Promise<RealPhone> {
  const opened = await RealPhone.open({ user, transport: 'udp', boxPort: box.sipPort })
  t.teardown(() => opened.close())
  return opened
}
