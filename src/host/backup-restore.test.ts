import { randomBytes } from 'node:crypto'
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { type Config, loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import type { WallTime } from '../base/time.ts'
import { backupFile } from './backup-write.ts'
import { contentsOf } from './box-contents.ts'
import { openStore } from './open-store.ts'
import { type Checked, checkBackup } from './restore-check.ts'
import { swapIn, unpackedIn } from './restore-swap.ts'
import { WatchedStore } from './watched-store.ts'

const PASSPHRASE = 'correct horse battery'
const CREATED = Date.UTC(2030, 0, 2)
const ALICE = 'sip:alice@example.org'

const configText = (dataDir: string, more = ''): string =>
  `# mine\ndomain = "example.org"\n${more}data_dir = "${dataDir}"\n[listen]\nhttp = "127.0.0.1:0"\n`

function configOf(text: string): Config {
  const loaded = loadConfig(text, 'restante.toml', 'machine')
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  return loaded.config
}

class TestBox {
  readonly dataDir: string
  readonly file: string
  readonly text: string
  readonly config: Config

  constructor(dir: string, more = '') {
    this.dataDir = join(dir, 'data')
    this.file = join(dir, 'restante.toml')
    mkdirSync(this.dataDir, { recursive: true })
    writeFileSync(join(this.dataDir, 'admin'), 'administrators')
    this.text = configText(this.dataDir, more)
    writeFileSync(this.file, this.text)
    this.config = configOf(this.text)
  }

  async with<T>(work: (store: WatchedStore) => Promise<T>): Promise<T> {
    const store = new WatchedStore(await openStore(this.dataDir, this.config, silentLog), silentLog)
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  }

  /** Their first lines. */
  waiting(): Promise<(string | undefined)[]> {
    return this.with(async store => {
      const found = await store.ask('mailbox', { aor: ALICE, afterSeq: 0, limit: 1000, withHead: true })
      return 'failure' in found ? [found.failure] : found.value.map(({ head }) => head?.toString().split('\r\n')[0])
    })
  }

  async check(file: string, passphrase = PASSPHRASE, signal = new AbortController().signal): Promise<Checked> {
    const contents = await this.with(store => contentsOf(store, this.dataDir, this.config))
    const { dataDir, config, text, file: configFile } = this
    const here = { dataDir, config, configText: text, configFile, contents, openStore }
    return checkBackup(here, 'id', { file, passphrase, reserveBytes: 0, signal, progress: () => {} })
  }
}

async function keep(store: WatchedStore, callId: string, body = Buffer.from('hello')): Promise<void> {
  await store.ask('account.put', { account: { aor: ALICE, origin: 'store', ha1Md5: 'f'.repeat(32) } })
  const receivedAt = Date.UTC(2030, 0, 1) as WallTime
  const result = await store.ask('custody', {
    limits: { quotaMessages: 1000, quotaBytes: 1e12, reserveBytes: 0 },
    message: {
      ...{ recipient: ALICE, sender: 'sip:bob@example.org', callId, cseq: 1, fromTag: 'x' },
      bytes: Buffer.concat([Buffer.from(`${callId}\r\n\r\n`), body]),
      receivedAt,
      expiresAt: (receivedAt + 1e9) as WallTime,
      isUrgent: false,
    },
  })
  if ('failure' in result || result.value.outcome !== 'stored') throw new Error(JSON.stringify(result))
}

/** Written while `meanwhile` goes on between its parts. */
async function backUp(box: TestBox, store: WatchedStore, file: string, meanwhile = async () => {}): Promise<string> {
  const { dataDir, text, config } = box
  const parts = backupFile({
    ...{ dataDir, configText: text, hostname: config.hostname, domain: config.domain, createdAt: CREATED },
    snapshot: () => store.snapshot()!,
    passphrase: PASSPHRASE,
    signal: new AbortController().signal,
    progress: () => {},
  })
  const source = async function* (): AsyncGenerator<Buffer> {
    for await (const part of parts) {
      yield part
      await meanwhile()
    }
  }
  await pipeline(Readable.from(source()), createWriteStream(file))
  return file
}

/** A box with an account, a message, an administrator and a key. */
async function filled(more = ''): Promise<{ dir: string; box: TestBox; file: string }> {
  const dir = t.testdir({})
  const box = new TestBox(join(dir, 'one'), more)
  writeFileSync(join(box.dataDir, 'admin'), 'administrators of one')
  mkdirSync(join(box.dataDir, 'tls'))
  writeFileSync(join(box.dataDir, 'tls/key.pem'), 'key of one')
  const file = join(dir, 'one.backup.age')
  await box.with(async store => {
    await keep(store, 'first')
    await backUp(box, store, file)
  })
  return { dir, box, file }
}

t.test('a backup is the box at one moment, whatever is written while it is made', async t => {
  const dir = t.testdir({})
  const box = new TestBox(dir)
  const file = join(dir, 'box.age')
  await box.with(async store => {
    for (let count = 0; count < 40; count++) await keep(store, `before-${count}`, randomBytes(200_000))
    let after = 0
    await backUp(box, store, file, () => keep(store, `after-${after++}`))
    t.ok(after > 3, 'messages came meanwhile')
  })
  const { view } = await box.check(file)
  t.equal(view.contents.waiting, 40)
  t.ok(view.here.waiting > 40)
  t.equal(view.contents.damaged, 0)
})

t.test('another box becomes the one of the backup: store, administrators, keys, name and configuration', async t => {
  const { dir, file } = await filled('hostname = "one.example.org"\n')
  const other = new TestBox(join(dir, 'other'), 'hostname = "other.example.org"\n')
  await other.with(store => keep(store, 'of the other'))
  const { view, choices } = await other.check(file)
  t.same(
    [view.contents.hostname, view.contents.waiting, view.here.hostname, view.here.waiting],
    ['one.example.org', 1, 'other.example.org', 1],
  )
  t.equal(view.createdAt, CREATED)
  t.same(await other.waiting(), ['of the other'], 'nothing was touched yet')
  const { text = '' } = choices.backup
  const { dataDir } = other
  const kept = swapIn({ dataDir, at: CREATED, configuration: { file: other.file, before: other.text, text } })
  t.same(await other.waiting(), ['first'])
  t.equal(readFileSync(join(dataDir, 'admin'), 'latin1'), 'administrators of one')
  t.equal(readFileSync(join(dataDir, 'tls/key.pem'), 'latin1'), 'key of one')
  const written = readFileSync(other.file, 'utf8')
  t.match(written, /^# mine\n/, 'as its author wrote it')
  t.match(configOf(written), { hostname: 'one.example.org', data_dir: dataDir }, 'but in the folder of this box')
  t.ok(existsSync(join(dataDir, kept, 'mailbox/data.mdb')), 'what was there is kept')
})

t.test('a name that the configuration leaves to the system is the backup’s; or all stays this box’s', async t => {
  const { dir, file } = await filled()
  const other = new TestBox(join(dir, 'other'), 'hostname = "other.example.org"\n')
  const { choices } = await other.check(file)
  t.equal(choices.backup.config?.hostname, 'machine')
  t.equal(choices.here.text, undefined)
  t.equal(choices.here.view.hostname, 'other.example.org')
})

t.test('listening addresses that this machine does not have are told before', async t => {
  const { dir, box } = await filled()
  const text = box.text.replace('http =', 'sip_udp = "192.0.2.77:5060"\nhttp =')
  const file = join(dir, 'elsewhere.age')
  await box.with(store => backUp({ ...box, text } as TestBox, store, file))
  const { choices } = await box.check(file)
  t.same(choices.backup.view.missing, ['192.0.2.77:5060 (listen.sip_udp)'])
  t.same(choices.listeners.view.missing, [], 'with those of this box it is served')
})

t.test('what is no whole backup is refused, and nothing is touched', async t => {
  const { dir, box, file } = await filled()
  const bytes = readFileSync(file)
  const bad = join(dir, 'bad.age')
  const before = readdirSync(box.dataDir).sort()
  const refused = async (what: string, content: Buffer, passphrase = PASSPHRASE): Promise<void> => {
    writeFileSync(bad, content)
    await t.rejects(box.check(bad, passphrase), { name: 'PlainError' }, what)
    t.notOk(existsSync(unpackedIn(box.dataDir)), 'nothing is left of it')
  }
  await refused('another passphrase', bytes, 'correct horse batterie')
  await refused('nothing', Buffer.alloc(0))
  await refused('something else', Buffer.from('hello'))
  for (const part of [0.3, 0.6, 0.95]) await refused(`cut at ${part}`, bytes.subarray(0, bytes.length * part))
  const changed = Buffer.from(bytes)
  changed[changed.length - 40]! ^= 1
  await refused('one octet is another', changed)
  t.same(
    readdirSync(box.dataDir)
      .filter(name => name !== 'restore')
      .sort(),
    before,
  )
  t.same(await box.waiting(), ['first'])
})

t.test('a check that is ended leaves nothing', async t => {
  const { box, file } = await filled()
  await t.rejects(box.check(file, PASSPHRASE, AbortSignal.abort()))
  t.notOk(existsSync(unpackedIn(box.dataDir)))
})

t.test('a backup in which nobody may sign in is refused', async t => {
  const dir = t.testdir({})
  const box = new TestBox(dir)
  rmSync(join(box.dataDir, 'admin'))
  const file = join(dir, 'box.age')
  await box.with(store => backUp(box, store, file))
  await t.rejects(box.check(file), { message: /nobody is in it who may sign in/ })
})
