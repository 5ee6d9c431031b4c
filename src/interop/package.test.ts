import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { installedAt, isPassedOver } from './program.ts'

/** The Debian package, with another program in the place of ours; with ours: scripts/try-service. */

const ROOT = join(import.meta.dirname, '../..')
const ARCH = process.arch === 'arm64' ? 'arm64' : 'x64'

const dir = mkdtempSync(join(tmpdir(), 'restante-package-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

function packaged(name: string): string {
  const from = join(dir, name)
  mkdirSync(from)
  copyFileSync('/bin/true', join(from, `restante-linux-${ARCH}`))
  for (const about of ['sbom.cdx.json', 'licences']) writeFileSync(join(from, about), 'words\n')
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1800000000' }
  const out = execFileSync(join(ROOT, 'scripts/package'), ['--arch', ARCH, '--from', from], { encoding: 'utf8', env })
  return out.trim()
}

const bytesOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')

t.test(
  'the package: the same bytes twice, everything in its place, root’s alone, and nothing that lintian warns of',
  async t => {
    if (isPassedOver(t, 'dpkg-deb')) return
    const deb = packaged('one')
    t.equal(bytesOf(deb), bytesOf(packaged('two')))
    const listed = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8' }).trim().split('\n')
    for (const path of [
      'usr/bin/restante',
      'lib/systemd/system/restante.service',
      'lib/systemd/system/restante-console@.service',
      'usr/lib/sysusers.d/restante.conf',
      'usr/lib/tmpfiles.d/restante.conf',
      'usr/share/restante/restante.toml',
      'usr/share/restante/drop-ins/low-ports.conf',
      'usr/share/man/man1/restante.1.gz',
      'usr/share/man/man5/restante.toml.5.gz',
      'usr/share/doc/restante/copyright',
    ])
      t.ok(
        listed.some(line => line.endsWith(` ./${path}`)),
        path,
      )
    t.same(
      listed.filter(line => !line.includes(' root/root ')),
      [],
    )
    t.same(
      listed.filter(line => /^.{5}w|^.{8}w/.test(line)),
      [],
      'nobody else writes there',
    )
    const control = execFileSync('dpkg-deb', ['--field', deb], { encoding: 'utf8' })
    t.match(control, /^Architecture: (amd64|arm64)$/m)
    if (installedAt('lintian') === undefined) return t.pass('lintian is not installed, so this is passed over')
    const found = execFileSync('lintian', ['--allow-root', '--fail-on', 'none', '--tag-display-limit', '0', deb], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    t.equal(found, '')
  },
)

t.test('the pages of the manual are such that man shows them', async t => {
  if (isPassedOver(t, 'man')) return
  const page = join(dir, 'restante.toml.5')
  writeFileSync(page, execFileSync(process.execPath, [join(ROOT, 'scripts/lib/package/config-page.ts')]))
  for (const file of [page, join(ROOT, 'packaging/man/restante.1')]) {
    const env = { ...process.env, MANROFFSEQ: '', MANWIDTH: '80', LC_ALL: 'C.UTF-8' }
    const shown = execFileSync('man', ['--warnings', '-l', file], { encoding: 'utf8', env })
    t.ok(shown.split('\n').length > 50)
  }
})
