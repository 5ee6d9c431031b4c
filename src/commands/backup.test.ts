import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { ControlServer } from '../host/control.ts'
import { openStore } from '../host/open-store.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { run } from './program.ts'

const PASSPHRASE = 'correct horse battery\n'

/** A folder with a configuration and a real store; `restante(...)` runs one command line there. */
const setUp = () => {
  const dir = t.testdir({})
  const data = join(dir, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'admin'), 'administrators')
  const config = join(dir, 'restante.toml')
  writeFileSync(config, `domain = "example.org"\nhostname = "edge1.example.org"\ndata_dir = "${data}"\n`)
  const restante = async (words: readonly string[], input = '') => {
    const told = { out: '', err: '' }
    const code = await run([...words, '--config', config], {
      makeEngine: async () => new EchoEngine(),
      openStore,
      stdin: Readable.from([input]),
      out: text => {
        told.out += text
      },
      err: text => {
        told.err += text
      },
    })
    return { code, ...told }
  }
  return { dir, data, config, file: join(dir, 'box.age'), restante }
}

t.test('backup and restore: the box is again as it was, and what was there meanwhile is kept', async t => {
  const { data, file, restante } = setUp()
  t.match(await restante(['user', 'add', 'alice', '--password-stdin'], 'secret\n'), { code: 0 })
  t.match(await restante(['backup', file, '--passphrase-stdin'], PASSPHRASE), { code: 0, out: '' })
  t.equal(statSync(file).mode & 0o777, 0o600, 'for its owner alone')
  t.match(await restante(['user', 'add', 'bob', '--password-stdin'], 'secret\n'), { code: 0 })
  const restored = await restante(['restore', file, '--passphrase-stdin', '--yes'], PASSPHRASE)
  t.match(restored, { code: 0, out: /Restored\. What was there before is kept in .*before-restore-/ })
  t.match(restored.err, /accounts +1 +2\n/, 'what is in it, and what is put aside')
  t.match(restored.err, /handed over a second time/)
  const { out } = await restante(['user', 'list'])
  t.match(out, /alice/)
  t.notMatch(out, /bob/)
  t.notOk(existsSync(join(data, 'restore')), 'nothing else is left')
})

t.test('what is there is never overwritten, and nothing half is left', async t => {
  const { dir, file, restante } = setUp()
  writeFileSync(file, 'mine')
  t.match(await restante(['backup', file, '--passphrase-stdin'], PASSPHRASE), { code: 1, err: /there is a file/ })
  t.equal(readFileSync(file, 'latin1'), 'mine')
  const other = join(dir, 'other.age')
  t.match(await restante(['backup', other, '--passphrase-stdin'], 'short\n'), { code: 1, err: /10 to 1024/ })
  t.match(await restante(['backup', other]), { code: 1, err: /--passphrase-stdin/ }, 'nobody can be asked')
  t.notOk(existsSync(other))
})

t.test('restore refuses, and changes nothing', async t => {
  const { data, file, restante } = setUp()
  t.match(await restante(['user', 'add', 'alice', '--password-stdin'], 'secret\n'), { code: 0 })
  await restante(['backup', file, '--passphrase-stdin'], PASSPHRASE)
  const before = readdirSync(data).sort()
  const refused = async (input: string, err: RegExp, ...more: string[]): Promise<void> => {
    t.match(await restante(['restore', file, '--passphrase-stdin', ...more], input), { code: 1, err })
    t.same(readdirSync(data).sort(), before)
  }
  await refused('another passphrase\n', /passphrase is wrong/, '--yes')
  await refused(PASSPHRASE, /Give --yes if it is meant/)
  t.match(await restante(['restore', `${file}.not`]), { code: 1, err: /cannot be read: there is no such file/ })
})

t.test('a running box is backed up through its socket, and has to stop to be restored', async t => {
  const { data, file, restante } = setUp()
  const store = { submit: () => {} }
  const makeBackup = async function* (passphrase: string): AsyncGenerator<Buffer> {
    yield Buffer.from(`${passphrase}: `)
    yield Buffer.alloc(2_000_000, 'x')
  }
  const control = await ControlServer.open(data, store, { makeBackup })
  t.match(await restante(['backup', file, '--passphrase-stdin'], PASSPHRASE), { code: 0 })
  t.match(readFileSync(file, 'latin1'), /^correct horse battery: x{2000000}$/)
  t.match(await restante(['restore', file, '--passphrase-stdin', '--yes'], PASSPHRASE), { code: 1, err: /is running/ })
  control.close()
  const broken = await ControlServer.open(data, store)
  const other = `${file}.other`
  t.match(await restante(['backup', other, '--passphrase-stdin'], PASSPHRASE), { code: 1, err: /refused/ })
  t.notOk(existsSync(other), 'what is not whole does not stay')
  broken.close()
})
