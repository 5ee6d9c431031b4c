import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { configurationIn, FILE_TEXT } from './configuration.fixture.ts'
import { restoreUnconfirmed } from './trial-file.ts'

/** What lies on flash while the configuration is changed. */

const textOf = (file: string) => readFileSync(file, 'utf8')
const markerOf = (file: string) => `${file}.unconfirmed`
const NEXT = FILE_TEXT.replace('[[user]]', '[deferral]\nquota_messages = 5\n\n[[user]]')

t.test('a file that somebody edited is left alone', async t => {
  const { configuration, apply, file } = configurationIn(t.testdir())
  t.equal(configuration.view().restartNeeded, undefined)
  writeFileSync(file, `${FILE_TEXT}\n# by hand\n`)
  t.equal(configuration.view().restartNeeded, 'file was changed')
  t.match(apply({ 'deferral.quota_messages': 5 }), { errors: { '': /was changed by hand since the box started/ } })
  t.match(textOf(file), /by hand/)
  writeFileSync(file, FILE_TEXT)
  utimesSync(file, 1, 1)
  t.equal(configuration.view().restartNeeded, undefined, 'touched and the same')
  t.equal(apply({ 'deferral.quota_messages': 5 }), 'applying')
})

t.test('a file that is gone, a folder or a pipe in its place, a folder that is gone', async t => {
  const gone = configurationIn(t.testdir())
  rmSync(gone.file)
  t.match(gone.apply({ 'deferral.quota_messages': 5 }), { errors: { '': /changed by hand/ } })
  const dir = t.testdir()
  const pipe = join(dir, 'pipe')
  execFileSync('mkfifo', [pipe])
  const piped = configurationIn(dir, FILE_TEXT, { target: pipe })
  t.match(piped.apply({ 'deferral.quota_messages': 5 }), {
    errors: { '': /it is no file\. Start the box with --write-config/ },
  })
  const folder = configurationIn(dir, FILE_TEXT, { target: join(dir, 'none', 'x.toml') })
  t.match(folder.apply({ 'deferral.quota_messages': 5 }), {
    errors: { '': /cannot be written: there is no such file or folder/ },
  })
  t.equal(folder.configuration.view().pending, undefined)
  t.same(readdirSync(dir).sort(), ['pipe', 'restante.toml'])
})

t.test('a copy is written where the file is not to be changed, and stands from then on', async t => {
  const dir = t.testdir()
  const target = join(dir, 'changed.toml')
  const { apply, file, configuration, clock, restarts } = configurationIn(dir, FILE_TEXT, { target })
  apply({ 'deferral.quota_messages': 5 })
  t.equal(textOf(file), FILE_TEXT)
  t.match(textOf(target), /quota_messages = 5/)
  t.equal(configuration.view().file, target)
  await clock.pass(300)
  await restarts[0]!.serves()
  configuration.confirm('ann')
  t.equal(apply({ 'deferral.quota_messages': 6 }), 'applying')
  t.match(textOf(target), /quota_messages = 6/)
})

t.test('read from a pipe that is gone by now: written to a file of its own', async t => {
  const dir = t.testdir()
  const target = join(dir, 'changed.toml')
  const { apply, configuration } = configurationIn(dir, FILE_TEXT, { target, readFrom: join(dir, 'pipe') })
  t.equal(configuration.view().restartNeeded, undefined)
  t.equal(apply({ 'deferral.quota_messages': 5 }), 'applying')
  t.match(textOf(target), /quota_messages = 5/)
  writeFileSync(target, 'x')
  t.equal(configuration.view().restartNeeded, 'file was changed')
})

t.test('the file keeps who may read it; a link stays a link', async t => {
  const dir = t.testdir({ real: {} })
  const real = join(dir, 'real', 'r.toml')
  writeFileSync(real, FILE_TEXT, { mode: 0o640 })
  symlinkSync(real, join(dir, 'restante.toml'))
  const { apply, configuration } = configurationIn(dir)
  apply({ 'deferral.quota_messages': 5 })
  t.match(textOf(real), /quota_messages = 5/)
  t.equal(statSync(real).mode & 0o777, 0o640)
  t.equal(statSync(markerOf(real)).mode & 0o777, 0o640)
  t.ok(restoreUnconfirmed(join(dir, 'restante.toml')))
  t.equal(textOf(real), FILE_TEXT)
  configuration.close()
  const fresh = configurationIn(t.testdir(), FILE_TEXT, { target: join(dir, 'fresh.toml') })
  fresh.apply({ 'deferral.quota_messages': 5 })
  t.equal(statSync(join(dir, 'fresh.toml')).mode & 0o777, 0o600, 'it may hold passwords')
})

t.test('a power cut at any moment of a trial leaves one of both, and the next start has the one before', async t => {
  // What lies on flash after each step of a change and of its end.
  const states = [
    { file: FILE_TEXT, marker: FILE_TEXT },
    { file: NEXT, marker: FILE_TEXT },
    { file: undefined, marker: FILE_TEXT },
  ]
  for (const state of states) {
    const file = join(t.testdir(), 'restante.toml')
    if (state.file !== undefined) writeFileSync(file, state.file)
    writeFileSync(markerOf(file), state.marker)
    t.ok(restoreUnconfirmed(file))
    t.equal(textOf(file), FILE_TEXT)
    t.notOk(restoreUnconfirmed(file), 'once')
  }
  const file = join(t.testdir(), 'restante.toml')
  writeFileSync(file, NEXT)
  t.notOk(restoreUnconfirmed(file))
  t.equal(textOf(file), NEXT, 'what was confirmed stays')
  mkdirSync(markerOf(join(file, '..', 'x')))
  mkdirSync(join(file, '..', 'x', 'y'), { recursive: true })
  t.throws(() => restoreUnconfirmed(join(file, '..', 'x')), /cannot be put back as/)
})

t.test(
  'a full disk: the change is refused, the file and its place are as before, and a trial still goes back',
  async t => {
    const dir = t.testdir()
    const script = `
    import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
    import { TrialFile } from '${join(import.meta.dirname, 'trial-file.ts')}'
    const file = ${JSON.stringify(join(dir, 'restante.toml'))}
    writeFileSync(file, 'before')
    const trial = new TrialFile(file)
    try { trial.write('x'.repeat(10000), 'before'); console.log('written') } catch (error) { console.log(error.message) }
    console.log(readFileSync(file, 'utf8'), readdirSync(${JSON.stringify(dir)}).join())
    try { trial.write('small', 'y'.repeat(10000)); console.log('written') } catch (error) { console.log(error.message) }
    console.log(readFileSync(file, 'utf8'), readdirSync(${JSON.stringify(dir)}).join())
  `
    const limited = `trap '' XFSZ; ulimit -f 4; exec "$0" --input-type=module-typescript -e "$1"`
    const out = execFileSync('bash', ['-c', limited, process.execPath, script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const lines = out.trim().split('\n')
    t.equal(lines.length, 4, out)
    for (const at of [0, 2]) t.match(lines[at], /restante\.toml: cannot be written: the file would be larger/)
    for (const at of [1, 3]) t.equal(lines[at], 'before restante.toml', 'nothing half written is left')
  },
)
