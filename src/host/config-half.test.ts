import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../base/config.ts'
import { PROGRAM_ROOT } from '../embedded.ts'
import { readConfig } from './config-file.ts'
import { restoreUnconfirmed, TrialFile } from './trial-file.ts'

/** What a configuration may be after a power cut, a full disk, or an editor that was killed. */

const EXAMPLE = readFileSync(join(PROGRAM_ROOT, 'examples', 'loopback.toml'), 'utf8')
const WHOLE = `${EXAMPLE}
[deferral]
quota_messages = 5
[tls]
certificate = "" # "ü\\u00fc"
[[user]]
aor = "sip:zoe@example.org"
password = '''se"cret'''
algorithms = ["MD5", "SHA-256"]
`

t.test('every beginning of a valid file is valid, or refused with its place and what is allowed', async t => {
  t.ok('config' in loadConfig(WHOLE, 'x.toml'), 'the whole of it is valid')
  const bytes = Buffer.from(WHOLE)
  const odd: string[] = []
  let refused = 0
  for (let length = 0; length < bytes.length; length++) {
    const loaded = loadConfig(bytes.toString('utf8', 0, length), 'x.toml')
    if ('config' in loaded) continue
    refused++
    if (loaded.errors.length === 0 || !loaded.errors.every(line => /^x\.toml:\S+: .+, allowed: .+/.test(line)))
      odd.push(`${length}: ${loaded.errors.join('; ')}`)
    if (loaded.errors.some(line => line.includes('se"cret'))) odd.push(`${length}: a password is told`)
  }
  t.same(odd, [])
  t.ok(refused > 0)
})

t.test(
  'a file cut in the middle of a character, with zeros behind, or of zeros alone is refused in plain words',
  async t => {
    const bytes = Buffer.from(WHOLE)
    const cases: Record<string, Buffer> = {
      'half a character': bytes.subarray(0, bytes.indexOf('ü') + 1),
      'zeros behind': Buffer.concat([bytes.subarray(0, 200), Buffer.alloc(4096)]),
      zeros: Buffer.alloc(4096),
      nothing: Buffer.alloc(0),
    }
    for (const [name, content] of Object.entries(cases)) {
      const file = join(t.testdir({}), 'restante.toml')
      writeFileSync(file, content)
      t.throws(() => readConfig(file), { name: 'PlainError', message: new RegExp(`^${file}:`) }, name)
    }
  },
)

t.test(
  'what a write that broke off left beside the file is not looked at, and the next write takes its place',
  async t => {
    const file = join(t.testdir({}), 'restante.toml')
    writeFileSync(file, WHOLE)
    const trial = new TrialFile(file)
    for (let length = 0; length < WHOLE.length; length += 97) {
      writeFileSync(`${file}.new`, WHOLE.slice(0, length))
      writeFileSync(`${file}.unconfirmed.new`, WHOLE.slice(0, length))
      t.notOk(restoreUnconfirmed(file), 'no trial was begun')
      t.equal(readConfig(file).text, WHOLE)
    }
    trial.write('domain = "example.net"\n', WHOLE)
    t.equal(readConfig(file).config.domain, 'example.net')
    t.ok(restoreUnconfirmed(file))
    t.equal(readConfig(file).text, WHOLE)
    t.notOk(existsSync(`${file}.new`))
  },
)
