import { spawnSync } from 'node:child_process'
import nodeFs, {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import { Administrators } from './administrators.ts'
import { SystemEntropy } from './entropy.ts'
import { eraseFile } from './erase.ts'
import { markForReset, resetIfMarked } from './factory-reset.ts'
import { lockForServing } from './owner.ts'
import { isSwapUnderWay, swapIn } from './restore-swap.ts'
import { undoneRestore } from './restoring.ts'

const CHILD = join(import.meta.dirname, 'factory-reset-child.ts')

const SHIPPED = (dataDir: string): string =>
  `# As shipped.\ndomain = "example.org"\ndata_dir = "${dataDir}"\n\n[listen]\nhttp = "127.0.0.1:8080"\n`

/** A box that somebody has used: its configuration was changed by the page, into another file or into its own. */
function used({ isApart = true }: { isApart?: boolean } = {}) {
  const dir = t.testdir({
    outside: { 'letter.txt': 'not of the box' },
    data: {
      admin: '{"marker":"administrators"}',
      'last-backup': '1',
      mailbox: { 'data.mdb': 'marker: a message', 'lock.mdb': '' },
      tls: { 'own.pem': 'marker: certificate', 'own.key.pem': 'marker: key' },
      jobs: { abc: 'marker: result' },
      'before-restore-20300102T030405Z': { mailbox: { 'data.mdb': 'marker: older' } },
    },
  })
  const dataDir = join(dir, 'data')
  const file = join(dir, 'restante.toml')
  const target = isApart ? join(dataDir, 'restante.toml') : file
  writeFileSync(file, SHIPPED(dataDir))
  writeFileSync(
    target,
    `domain = "box.example.net"\ndata_dir = "${dataDir}"\n[listen]\nhttp = "127.0.0.1:9999"\n[[user]]\naor = "sip:ann@box.example.net"\npassword = "of the file"\n`,
  )
  const options = { file, target, log: silentLog }
  return { dir, dataDir, file, target, options }
}

/** Every file below, by its path, with its octets. */
function all(folder: string, at = ''): Record<string, string> {
  return Object.assign(
    {},
    ...readdirSync(join(folder, at)).map(name => {
      const path = join(at, name)
      if (lstatSync(join(folder, path)).isDirectory()) return all(folder, path)
      return { [path]: readFileSync(join(folder, path), 'latin1') }
    }),
  )
}

t.test('nobody asked for it: nothing is touched', async t => {
  const { dir, options } = used()
  const before = all(dir)
  t.equal(await resetIfMarked(options), undefined)
  t.same(all(dir), before)
})

t.test(
  'config: the configuration goes back and administrators are gone; whose accounts they are and all they have stays',
  async t => {
    const { dataDir, file, target, options } = used()
    markForReset(dataDir, 'config')
    t.equal(await resetIfMarked(options), 'config')
    const left = all(dataDir)
    t.notOk('admin' in left || 'factory-reset' in left)
    t.match(left, {
      'mailbox/data.mdb': 'marker: a message',
      'tls/own.key.pem': 'marker: key',
      'before-restore-20300102T030405Z/mailbox/data.mdb': 'marker: older',
    })
    const text = readFileSync(target, 'utf8')
    t.match(text, 'http = "127.0.0.1:8080"')
    t.match(text, 'domain = "box.example.net"')
    t.match(text, 'sip:ann@box.example.net', 'an account of the file would go with all that waits for it')
    t.equal(readFileSync(file, 'utf8'), SHIPPED(dataDir))
    const people = Administrators.open(dataDir, new SystemEntropy(), Date.now)
    t.ok(people.isEmpty && people.isNew, 'the first run comes again')
    t.equal(await resetIfMarked(options), undefined, 'once')
  },
)

t.test('config: what the page wrote goes where nothing of it has to stay', async t => {
  const { dataDir, target, options } = used()
  writeFileSync(target, SHIPPED(dataDir).replace('8080', '9999'))
  markForReset(dataDir, 'config')
  await resetIfMarked(options)
  t.notOk(existsSync(target))
})

t.test('config: a change on trial does not come back', async t => {
  const { dataDir, target, options } = used()
  writeFileSync(`${target}.unconfirmed`, 'domain = "old.example.net"\n')
  markForReset(dataDir, 'config')
  await resetIfMarked(options)
  t.notOk(existsSync(`${target}.unconfirmed`))
})

t.test('where the page writes into the only file, what was shipped has to be known', async t => {
  const { dir, dataDir, file, options } = used({ isApart: false })
  const before = readFileSync(file, 'utf8')
  markForReset(dataDir, 'config')
  t.equal(await resetIfMarked(options), 'config')
  t.equal(readFileSync(file, 'utf8'), before)
  t.notOk(existsSync(join(dataDir, 'admin')))
  const shipped = join(dir, 'shipped.toml')
  writeFileSync(shipped, 'domain = "example.org"\n[listen]\nhttp = "127.0.0.1:8081"\n')
  markForReset(dataDir, 'config')
  await resetIfMarked({ ...options, shipped })
  t.match(readFileSync(file, 'utf8'), /domain = "box\.example\.net"[\s\S]*data_dir[\s\S]*127\.0\.0\.1:8081/)
  t.match(readFileSync(file, 'utf8'), `data_dir = "${dataDir}"`)
})

t.test('a configuration that cannot be read is put back too', async t => {
  const { dataDir, target, options } = used()
  writeFileSync(target, 'domain = "box.example.net"\n[[[\n')
  markForReset(dataDir, 'config')
  t.equal(await resetIfMarked(options), 'config')
  t.notOk(existsSync(target))
})

t.test('whose accounts they are is kept out of a configuration with errors elsewhere', async t => {
  const { dataDir, target, options } = used()
  writeFileSync(target, `${readFileSync(target, 'utf8')}[listen2]\n`)
  markForReset(dataDir, 'config')
  await resetIfMarked(options)
  const text = readFileSync(target, 'utf8')
  t.match(text, 'domain = "box.example.net"')
  t.match(text, 'sip:ann@box.example.net')
  t.notMatch(text, 'listen2')
})

t.test('what stays and cannot be served is not kept', async t => {
  const { dataDir, target, options } = used()
  writeFileSync(target, 'domain = 7\nhostname = "a b"\nuser = "x"\n')
  markForReset(dataDir, 'config')
  await resetIfMarked({ ...options, stateDir: dataDir })
  t.notOk(existsSync(target))
})

t.test('the mark is found by the folder of the service manager where no configuration tells of one', async t => {
  const { dataDir, file, options } = used({ isApart: false })
  writeFileSync(file, 'nothing\n')
  markForReset(dataDir, 'config')
  t.equal(await resetIfMarked(options), undefined)
  t.equal(await resetIfMarked({ ...options, stateDir: dataDir }), 'config')
})

t.test('full: nothing of anybody is left, and nothing outside is touched', async t => {
  const { dir, dataDir, file, target, options } = used()
  symlinkSync(join(dir, 'outside'), join(dataDir, 'a-folder'))
  symlinkSync(join(dir, 'outside/letter.txt'), join(dataDir, 'mailbox/a-file'))
  linkSync(join(dir, 'outside/letter.txt'), join(dataDir, 'same-file'))
  mkdirSync(join(dataDir, 'empty/deeper'), { recursive: true })
  markForReset(dataDir, 'full')
  t.equal(await resetIfMarked(options), 'full')
  t.same(readdirSync(dataDir), [])
  t.notOk(existsSync(target))
  t.equal(readFileSync(file, 'utf8'), SHIPPED(dataDir))
  t.same(all(join(dir, 'outside')), { 'letter.txt': 'not of the box' })
})

t.test('full: a configuration that the box was shipped with stays, also where it lies in the folder', async t => {
  const { dir, dataDir, file, target, options } = used()
  const shipped = join(dataDir, 'mailbox/shipped.toml')
  writeFileSync(shipped, SHIPPED(dataDir))
  markForReset(dataDir, 'full')
  await resetIfMarked({ ...options, shipped })
  t.same(Object.keys(all(dataDir)), ['mailbox/shipped.toml'])
  t.ok(existsSync(file) && !existsSync(target))
  t.notOk(existsSync(join(dir, 'data/tls')))
})

t.test('octets are written over before their file goes', async t => {
  const path = join(t.testdir({ file: 'marker: a message' }), 'file')
  const seen: string[] = []
  eraseFile(path, () => seen.push(readFileSync(path, 'latin1')))
  t.same(seen, ['\0'.repeat('marker: a message'.length)])
  t.notOk(existsSync(path))
})

t.test('a large file is flushed on the way: whoever waits for the next step does not wait for all of it', async t => {
  const { fdatasyncSync } = nodeFs
  const MIB = 1024 * 1024
  let written = 0
  const flushes: number[] = []
  const { eraseFile: erase } = await t.mockImport<typeof import('./erase.ts')>('./erase.ts', {
    'node:fs': t.createMock(nodeFs, {
      fdatasyncSync: (file: number) => {
        fdatasyncSync(file)
        flushes.push(written)
      },
    }),
  })
  const path = join(t.testdir({ file: '' }), 'file')
  truncateSync(path, 40 * MIB)
  erase(path, () => {
    written += MIB
  })
  t.same(flushes, [15 * MIB, 31 * MIB])
  t.notOk(existsSync(path))
})

t.test(
  'zeroes are on stable storage before the file is cut: what is cut unwritten has its old octets still',
  async t => {
    const done: string[] = []
    const noted = <A extends readonly unknown[], R>(name: string, run: (...all: A) => R) => {
      return (...all: A): R => {
        done.push(name)
        return run(...all)
      }
    }
    const { eraseFile: erase } = await t.mockImport<typeof import('./erase.ts')>('./erase.ts', {
      'node:fs': t.createMock(nodeFs, {
        writeSync: noted('written', nodeFs.writeSync),
        fsyncSync: noted('flushed', nodeFs.fsyncSync),
        ftruncateSync: noted('cut', nodeFs.ftruncateSync),
        rmSync: noted('removed', nodeFs.rmSync),
      }),
    })
    erase(join(t.testdir({ file: 'marker: a message' }), 'file'))
    t.same(done, ['written', 'flushed', 'cut', 'removed'])
  },
)

t.test('config: a restore that broke off is taken back first; later it would put back what was reset', async t => {
  const { dataDir, target, options } = used()
  mkdirSync(join(dataDir, 'restore/new/mailbox'), { recursive: true })
  writeFileSync(join(dataDir, 'restore/new/mailbox/data.mdb'), 'marker: of the backup')
  const configuration = { file: target, before: readFileSync(target, 'utf8'), text: SHIPPED(dataDir) }
  const note = join(dataDir, 'restore/under-way.json')
  let atPowerCut = ''
  swapIn({ dataDir, at: 0, configuration }, step => {
    if (step === 'flushed') atPowerCut = readFileSync(note, 'utf8')
  })
  writeFileSync(note, atPowerCut)
  markForReset(dataDir, 'config')
  t.equal(await resetIfMarked(options), 'config')
  t.notOk(isSwapUnderWay(dataDir))
  t.equal(readFileSync(join(dataDir, 'mailbox/data.mdb'), 'latin1'), 'marker: a message')
  await undoneRestore(dataDir)
  t.notOk(existsSync(join(dataDir, 'admin')))
  t.match(readFileSync(target, 'utf8'), 'http = "127.0.0.1:8080"')
})

t.test('full: kill -9 at a step, and the next start does it to its end', async t => {
  const { options: whole, dataDir: folder } = used()
  const steps: string[] = []
  markForReset(folder, 'full')
  await resetIfMarked({ ...whole, step: name => steps.push(name) })
  t.ok(steps.length > 8)
  for (const step of [0, 1, 4, steps.length - 2, steps.length - 1]) {
    const { dataDir, file, target, options } = used()
    markForReset(dataDir, 'full')
    t.equal(spawnSync(process.execPath, [CHILD, file, target, String(step)]).signal, 'SIGKILL')
    t.equal(await resetIfMarked(options), step === steps.length - 1 ? undefined : 'full', `after ${steps[step]}`)
    t.same(readdirSync(dataDir), [])
    t.notOk(existsSync(target))
  }
})

t.test('config: kill -9 at each step, and the next start does it to its end', async t => {
  const whole = used()
  markForReset(whole.dataDir, 'config')
  await resetIfMarked(whole.options)
  const after = JSON.stringify(all(whole.dataDir)).replaceAll(whole.dir, '')
  for (const step of [0, 1, 2]) {
    const { dir, dataDir, file, target, options } = used()
    markForReset(dataDir, 'config')
    t.equal(spawnSync(process.execPath, [CHILD, file, target, String(step)]).signal, 'SIGKILL')
    await resetIfMarked(options)
    t.equal(JSON.stringify(all(dataDir)).replaceAll(dir, ''), after, `step ${step}`)
  }
})

t.test('a mark that says nothing resets nothing, and does not stay; a link is no mark', async t => {
  const { dir, dataDir, options } = used()
  const before = all(dir)
  for (const make of [
    (path: string) => writeFileSync(path, ''),
    (path: string) => writeFileSync(path, 'fully\n'),
    (path: string) => writeFileSync(path, `full${' '.repeat(1000)}`),
    (path: string) => {
      writeFileSync(join(dir, 'outside/mark'), 'full\n')
      symlinkSync(join(dir, 'outside/mark'), path)
    },
  ]) {
    make(join(dataDir, 'factory-reset'))
    t.equal(await resetIfMarked(options), undefined)
    t.notOk(existsSync(join(dataDir, 'factory-reset')))
  }
  t.same(
    all(dataDir),
    Object.fromEntries(
      Object.entries(before)
        .filter(([path]) => path.startsWith('data/'))
        .map(([path, text]) => [path.slice(5), text]),
    ),
  )
})

t.test('a reset waits for who uses the folder, and tells who does not end', async t => {
  const { dataDir, options } = used()
  const lock = await lockForServing(dataDir)
  markForReset(dataDir, 'full')
  const reset = resetIfMarked(options)
  t.ok(existsSync(join(dataDir, 'mailbox/data.mdb')))
  lock.release()
  t.equal(await reset, 'full')
})

t.test('a folder that cannot be written says so, and nothing is marked', async t => {
  const { dataDir } = used()
  mkdirSync(join(dataDir, 'factory-reset.new'))
  t.throws(() => markForReset(dataDir, 'full'), { name: 'PlainError', message: /Nothing is reset/ })
})
