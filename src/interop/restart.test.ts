import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { type BoxOptions, BoxProcess, DOMAIN } from './box.ts'
import { disordered, invented, missing, repetitions } from './ledger.ts'
import { Load } from './load.ts'
import { isPassedOver } from './program.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(150_000)

const STOPS = 6
const STOP_MS_MAX = 5000
const USERS = ['alice', 'bob', 'carol']

async function start(t: Test, more: Partial<BoxOptions> = {}): Promise<BoxProcess> {
  const box = await BoxProcess.start(t.testdir({}), { users: USERS, ...more })
  t.teardown(() => box.discard())
  return box
}

async function phone(t: Test, box: BoxProcess, user: string, transport: 'udp' | 'tcp'): Promise<RealPhone> {
  const opened = await RealPhone.open({ user, transport, boxPort: box.sipPort })
  t.teardown(() => opened.close())
  return opened
}

t.test('SIGTERM under load: exit 0 within 5 s, and nothing accepted is lost or comes twice', async t => {
  const box = await start(t, { toml: '[deferral]\nquota_messages = 100000\n[delivery]\nretry_min_s = 1' })
  const random = new SeededEntropy(process.env.SEED ?? 1)
  const senders = [await phone(t, box, 'alice', 'udp'), await phone(t, box, 'carol', 'tcp')]
  const bob = await phone(t, box, 'bob', 'tcp')
  const load = new Load(senders, ['bob'], random)
  t.teardown(() => load.stop())
  load.start()
  for (let i = 0; i < STOPS; i++) {
    const before = load.accepted.length
    load.allow(500)
    if (i >= STOPS / 2) t.equal(await bob.register({ isInstantMessaging: true }), 200)
    await until('some are accepted', 15_000, () => load.accepted.length > before + 50 + random.below(100))
    const ended = await box.stop()
    t.match(ended, { code: 0, signal: null })
    t.ok(ended.ms < STOP_MS_MAX, `stopped within ${Math.round(ended.ms)} ms`)
    await box.start()
  }
  load.allow(0)
  await until('an answer to everything', 45_000, () => load.unanswered === 0)
  t.equal(await bob.register({ isInstantMessaging: true }), 200)
  const books = () => ({ written: load.written, taken: new Map([['bob', bob.inbox.taken]]), kills: [] })
  await until('all of it', 30_000, () => missing(books()).length === 0).catch(error => t.comment(`${error}`))
  t.comment(`${load.written.length} written, ${load.accepted.length} accepted, ${bob.inbox.taken.length} taken`)
  t.same(missing(books()), [])
  t.same(invented(books()), [])
  t.same(disordered(books()), [])
  t.same(repetitions(books()), [], 'a clean stop repeats nothing')
})

t.test('a second box on the same data folder is refused with the process id of the first', async t => {
  const box = await start(t)
  const second = await BoxProcess.make(join(t.testdirName, 'second'), { users: USERS })
  writeFileSync(second.file, readFileSync(second.file, 'utf8').replace(second.dataDir, box.dataDir))
  const ended = await second.run()
  t.equal(ended.code, 1)
  t.match(second.err, /^data_dir: \S+ is in use by the restante that runs as process \d+\./)
  t.notMatch(second.err, /\n\s+at /, 'no stack')
  t.equal((await box.health()).code, 200)
})

/** The file of the store: the largest one below its folder. */
function storeFile(box: BoxProcess): string {
  const files = readdirSync(box.dataDir, { recursive: true, withFileTypes: true })
  const paths = files.filter(file => file.isFile()).map(file => join(file.parentPath, file.name))
  return paths.sort((a, b) => statSync(b).size - statSync(a).size)[0]!
}

t.test(
  'a store file that is foreign, cut off or damaged is a plain message or is served; never a stack, never silence',
  async t => {
    const box = await start(t)
    const alice = await phone(t, box, 'alice', 'udp')
    for (let i = 0; i < 20; i++)
      t.equal((await alice.message({ to: `sip:bob@${DOMAIN}`, body: `number ${i}` })).status, 202)
    await box.stop()
    const file = storeFile(box)
    const copy = join(box.dir, 'copy')
    copyFileSync(file, copy)
    const size = statSync(copy).size
    const damages: Record<string, () => void> = {
      'another program’s file': () => writeFileSync(file, 'SQLite format 3\0'.repeat(4096)),
      'an empty file cut to an odd length': () => truncateSync(file, 100),
      'both first pages overwritten': () =>
        writeFileSync(file, Buffer.concat([Buffer.alloc(8192, 0xa5), readFileSync(copy).subarray(8192)])),
      'cut to half': () => truncateSync(file, Math.floor(size / 2)),
    }
    for (const [name, damage] of Object.entries(damages)) {
      copyFileSync(copy, file)
      damage()
      const ended = await Promise.race([box.run(), serving(box)])
      if (ended === 'serving') {
        t.pass(`${name}: served`)
        await box.stop()
        continue
      }
      t.equal(ended.code, 1, `${name}: refused`)
      t.match(box.err, new RegExp(`${box.dataDir}: `), 'names the folder')
      t.notMatch(box.err, /\n\s+at /, 'no stack')
    }
    rmSync(file)
    copyFileSync(copy, file)
    await box.start()
    t.match((await box.restante('queue')).out, /^20 messages/, 'with the right file everything is there')
  },
)

async function serving(box: BoxProcess): Promise<'serving'> {
  await until('it serves', 20_000, () => box.err.includes('"msg":"serving"'))
  return 'serving'
}

t.test('DM-DEC-03, 8.1: a mailbox that is full refuses 603 with a Warning, and keeps what it has', async t => {
  const box = await start(t, { toml: '[deferral]\nquota_messages = 5' })
  const alice = await phone(t, box, 'alice', 'udp')
  for (let i = 0; i < 5; i++)
    t.equal((await alice.message({ to: `sip:bob@${DOMAIN}`, body: `number ${i}` })).status, 202)
  const refused = await alice.message({ to: `sip:bob@${DOMAIN}`, body: 'one too many' })
  t.equal(refused.status, 603)
  t.match(refused.warning, /\S/)
  t.equal((await alice.message({ to: `sip:carol@${DOMAIN}`, body: 'another mailbox' })).status, 202)
})

t.test('a flash that takes no more: refused, reported by /healthz, nothing accepted is lost', async t => {
  if (isPassedOver(t, 'prlimit')) return
  const limit = 4 * 1024 * 1024
  // Past this size of a file the system refuses to write; a full disk does the same by another name. What the test runner has every
  // program load would end the box on SIGXFSZ, which Node ignores.
  const by = ['env', '-u', 'NODE_OPTIONS', 'prlimit', `--fsize=${limit}`]
  const box = await start(t, { by, toml: '[deferral]\nquota_messages = 100000' })
  const alice = await phone(t, box, 'alice', 'tcp')
  const body = 'x'.repeat(20_000)
  let accepted = 0
  const answers = new Set<number | undefined>()
  for (let i = 0; i < 400 && box.isRunning; i++) {
    const { status } = await alice.message({ to: `sip:bob@${DOMAIN}`, body })
    if (status === 202) accepted++
    else answers.add(status)
    if (answers.size > 0 && i > 250) break
  }
  t.comment(`${accepted} accepted, then ${[...answers].join(', ')}`)
  t.ok(accepted > 50)
  t.ok(box.isRunning, 'it goes on')
  t.ok(answers.size > 0 && [...answers].every(status => status === 603 || status === 503 || status === 500))
  // A small write may still find room in pages that were freed; then the box is well for small messages, and says so.
  const isWell = (await box.health()).code === 200
  const small = (await alice.message({ to: `sip:carol@${DOMAIN}`, body: 'x' })).status
  t.equal(small === 202, isWell, `/healthz says what is so (${small})`)
  if (small === 202) accepted++
  await box.stop()
  const free = await BoxProcess.make(join(t.testdirName, 'free'), { users: USERS })
  t.teardown(() => free.discard())
  writeFileSync(free.file, readFileSync(free.file, 'utf8').replace(free.dataDir, box.dataDir))
  await free.start()
  t.match((await free.restante('queue')).out, new RegExp(`^${accepted} messages`))
})
