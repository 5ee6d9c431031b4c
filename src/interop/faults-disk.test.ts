import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BoxProcess, DOMAIN } from './box.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { isPassedOver } from './program.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(120_000)

const { EIO, ENOSPC, EROFS } = constants.errno
const USERS = ['alice', 'bob', 'carol', 'dave']
const TOML = '[deferral]\nreserve_bytes = 1000000\n[delivery]\nretry_min_s = 1\nretry_max_s = 1'

t.test('a disk that does not answer: the box stops within 5 s all the same, and its watchdog with it', async t => {
  if (isPassedOver(t, 'gcc')) return
  const dir = t.testdir({ watchdog: '' })
  const disk = new FaultyDisk(dir, join(dir, 'data'))
  const device = join(dir, 'watchdog')
  const toml = `[watchdog]\ndevice = ${JSON.stringify(device)}`
  const box = await BoxProcess.start(dir, { users: USERS, toml, env: disk.env })
  t.teardown(() => box.discard())
  const alice = await phone(t, box, 'alice')
  disk.hang()
  alice.send({ to: `sip:carol@${DOMAIN}`, body: 'on its way to the disk' })
  await until('it waits for the disk', 15_000, async () => (await box.metric('restante_progress_store_ms')) > 2000)
  const ended = await box.stop()
  // What the unit allows (TimeoutStopSec): the machine of a test may be slow.
  t.ok(ended.ms < 10_000, String(ended.ms))
  t.match(box.err, /stopping took too long/)
  t.match(readFileSync(device, 'latin1'), /V$/)
})

t.test(
  'a disk that refuses every write: 603 and /healthz say so, what waits is delivered once, and all is well when it is',
  async t => {
    if (isPassedOver(t, 'gcc')) return
    const dir = t.testdir({})
    const disk = new FaultyDisk(dir, join(dir, 'data'))
    const box = await BoxProcess.start(dir, { users: USERS, toml: TOML, env: disk.env })
    t.teardown(() => box.discard())
    const alice = await phone(t, box, 'alice')
    const bob = await phone(t, box, 'bob')
    t.equal(await bob.register(), 200)
    const faults = Object.entries({ EIO, EROFS, ENOSPC })
    for (const [name, errno] of faults) {
      const taken = bob.inbox.taken.length
      bob.phone.behaviour.message = () => 480
      t.equal((await alice.message({ to: `sip:bob@${DOMAIN}`, body: `kept before ${name}` })).status, 202)

      disk.fail(errno)
      const refused = await alice.message({ to: `sip:carol@${DOMAIN}`, body: 'not kept' })
      t.equal(refused.status, 603, `${name}: not kept: ${refused.warning}`)
      const health = await until(`${name}: /healthz says so`, 10_000, async () => {
        const found = await box.health()
        return found.code === 503 && found.text
      })
      t.match(health, name === 'EROFS' ? /the store cannot write.*read-only/ : /the store cannot write|bytes are free/)
      bob.phone.behaviour.message = () => 200
      await until(`${name}: delivered all the same`, 15_000, () => bob.inbox.taken.length > taken)
      for (let i = 0; i < 5; i++)
        t.equal((await alice.message({ to: `sip:dave@${DOMAIN}`, body: `not kept ${i}` })).status, 603)

      disk.fail(0)
      await until(`${name}: it is well again`, 30_000, async () => (await box.health()).code === 200)
      await until(
        'what was delivered is gone',
        15_000,
        async () => (await box.metric('restante_messages_waiting')) === 0,
      )
    }
    t.equal((await alice.message({ to: `sip:carol@${DOMAIN}`, body: 'kept after' })).status, 202)
    // What the library itself writes when it is refused: once for each fault, and not with every message.
    t.ok(box.err.split('Write error').length <= faults.length + 1)
    t.notMatch(box.err, /internal error/)
    t.match(await box.stop(), { code: 0, signal: null })
    await box.start()
    t.equal(await box.metric('restante_messages_waiting'), 1)
    t.same(bodies(bob), ['kept before EIO', 'kept before EROFS', 'kept before ENOSPC'], 'once each')
  },
)

t.test('a file system that fills up: 603, deliveries go on, and it recovers', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'restante-full-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const data = join(dir, 'data')
  mkdirSync(data)
  if (!isMounted(t, data)) return
  const box = await BoxProcess.start(dir, { users: USERS, toml: TOML })
  t.teardown(() => box.discard())
  const alice = await phone(t, box, 'alice')
  const bob = await phone(t, box, 'bob')
  t.equal(await bob.register(), 200)
  bob.phone.behaviour.message = () => 480
  for (let i = 0; i < 5; i++)
    t.equal((await alice.message({ to: `sip:bob@${DOMAIN}`, body: `number ${i}` })).status, 202)
  const ballast = join(data, 'ballast')
  t.throws(() => writeFileSync(ballast, Buffer.alloc(SIZE_BYTES)), { code: 'ENOSPC' })
  await until('/healthz says so', 10_000, async () => (await box.health()).code === 503)
  t.equal((await alice.message({ to: `sip:carol@${DOMAIN}`, body: 'not kept' })).status, 603)
  bob.phone.behaviour.message = () => 200
  await until('deliveries go on', 15_000, () => bob.inbox.taken.length === 5)
  rmSync(ballast)
  await until('it is well again', 15_000, async () => (await box.health()).code === 200)
  await until('they are noted', 15_000, async () => (await box.metric('restante_messages_waiting')) === 0)
  t.equal((await alice.message({ to: `sip:carol@${DOMAIN}`, body: 'kept' })).status, 202)
  t.match(await box.stop(), { code: 0 })
  t.equal(bodies(bob).length, 5)
})

const SIZE_BYTES = 16 * 1024 * 1024

/** A file system of its own in memory; false where this process may not mount one. */
function isMounted(t: Test, at: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_BYTES},mode=700`, 'none', at], { stdio: 'ignore' })
  } catch {
    t.pass('no permission to mount a file system: passed over')
    return false
  }
  t.teardown(() => execFileSync('umount', ['-l', at]))
  return true
}

async function phone(t: Test, box: BoxProcess, user: string): Promise<RealPhone> {
  const opened = await RealPhone.open({ user, transport: 'udp', boxPort: box.sipPort })
  t.teardown(() => opened.close())
  return opened
}

const bodies = (phone: RealPhone): string[] => phone.inbox.taken.map(({ body }) => body.toString())
