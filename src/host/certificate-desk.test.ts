import 'reflect-metadata'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import t, { type Test } from 'tap'
import { loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { Authority, dns } from '../testing/authority.ts'
import { CertificateDesk } from './certificate-desk.ts'
import { Certificates } from './certificates.ts'

/** Of a clock that is not trusted. */
const LOST = Number.NaN
const WALL = Date.UTC(2030, 0, 1)
const DAY_MS = 86_400_000
const NAMES = { hostname: 'edge1.example.org', domain: 'example.org', addresses: ['127.0.0.1', '::1'] }
const ISSUED = { names: [dns('edge1.example.org'), dns('example.org')], notAfter: new Date(WALL + 90 * DAY_MS) }

async function deskIn(t: Test, { wall = WALL, tls = '', isOwn = false } = {}) {
  const dataDir = t.testdir()
  const loaded = loadConfig(`domain = "example.org"\nhostname = "edge1.example.org"\n[tls]\n${tls}`, 'x')
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  const own = { certificate: '', key: '', dataDir, names: NAMES, log: silentLog, wall: () => wall }
  const certificates = isOwn ? await Certificates.open(own) : undefined
  const desk = new CertificateDesk({
    config: loaded.config,
    dataDir,
    certificates,
    names: NAMES,
    wall: () => (Number.isNaN(wall) ? undefined : wall),
    log: silentLog,
  })
  return { desk, folder: join(dataDir, 'tls') }
}

t.test('the certificate in use: whom it names, how long, and what people compare', async t => {
  const { desk } = await deskIn(t, { isOwn: true })
  const view = desk.view()!
  t.match(view, {
    isOwn: true,
    isSelfSigned: true,
    subject: 'CN=edge1.example.org',
    names: ['edge1.example.org', 'example.org', '127.0.0.1', '::1'],
    until: Date.parse('2049-12-31T23:59:59Z'),
    leftMs: Date.parse('2049-12-31T23:59:59Z') - WALL,
    key: 'EC prime256v1',
    chain: 0,
    warnings: [],
  })
  t.equal(view.fingerprint, new X509Certificate(desk.certificate()!).fingerprint256)
  const none = await deskIn(t)
  t.equal(none.desk.view(), undefined)
  t.equal(none.desk.certificate(), undefined)
})

t.test('a request that cannot be written is told with its path and what to do', async t => {
  const { desk, folder } = await deskIn(t)
  writeFileSync(folder, '')
  await t.rejects(desk.request(), {
    name: 'PlainError',
    message: `${folder}/request.pem cannot be written: there is a file of that name. Remove it, or choose another name.`,
    cause: { code: 'EEXIST' },
  })
})

t.test('a pair that was given is kept for its owner alone, and is not in use before it is applied', async t => {
  const authority = await Authority.make()
  const { certificate, key } = await authority.issue(ISSUED)
  const { desk, folder } = await deskIn(t, { isOwn: true })
  const before = desk.view()!.fingerprint
  const offer = desk.offer({ certificate, key })
  if ('errors' in offer) return t.fail(JSON.stringify(offer))
  t.match(offer.view, { isOwn: false, isSelfSigned: false, warnings: [] })
  const [file, secret] = [offer.changes.get('tls.certificate'), offer.changes.get('tls.key')] as string[]
  for (const path of [file!, secret!]) {
    t.ok(path.startsWith(folder))
    t.equal(statSync(path).mode & 0o777, 0o600)
  }
  t.equal(createPrivateKey(readFileSync(secret!)).asymmetricKeyType, 'ec')
  t.equal(desk.view()!.fingerprint, before)
})

t.test('what is no pair is refused, and says which of the two is wrong', async t => {
  const authority = await Authority.make()
  const good = await authority.issue(ISSUED)
  const other = await authority.issue(ISSUED)
  const over = await authority.issue({ ...ISSUED, notAfter: new Date(WALL - DAY_MS) })
  const { desk, folder } = await deskIn(t)
  for (const [given, part, wrong] of [
    [{ certificate: '', key: '' }, 'certificate', /is not a certificate in PEM/],
    [{ certificate: 'x', key: good.key }, 'certificate', /is not a certificate in PEM/],
    [{ certificate: good.key, key: good.key }, 'certificate', /is not a certificate in PEM/],
    [{ certificate: good.certificate, key: 'x' }, 'key', /is not a private key in PEM/],
    [{ certificate: good.certificate, key: other.key }, 'key', /is not the key of the certificate/],
    [{ certificate: good.certificate, key: '' }, 'key', /missing/],
    [{ certificate: over.certificate, key: over.key }, 'certificate', /has expired/],
    [{ certificate: good.certificate.repeat(11), key: good.key }, 'certificate', /more than 10/],
  ] as const) {
    const refused = desk.offer(given)
    t.match('errors' in refused && refused.errors[part], wrong)
    t.notMatch(JSON.stringify(refused), /BEGIN/, 'nothing of it is repeated')
  }
  t.notOk(existsSync(folder), 'nothing was written')
  const lost = await deskIn(t, { wall: LOST })
  t.ok('changes' in lost.desk.offer(over), 'a clock that is not trusted judges no dates')
})

t.test('a key never leaves: neither from a file that holds both, nor in what is kept as the certificate', async t => {
  const authority = await Authority.make()
  const { certificate, key } = await authority.issue(ISSUED)
  const { desk, folder } = await deskIn(t)
  const both = `${key}\n${certificate}`
  const offer = desk.offer({ certificate: both, key: '' })
  t.ok('changes' in offer, 'the key of the same file is taken')
  for (const name of readdirSync(folder))
    t.equal(/PRIVATE/.test(readFileSync(join(folder, name), 'utf8')), name.endsWith('.key.pem'), name)
  const dir = t.testdir()
  for (const name of ['c.pem', 'k.pem']) writeFileSync(join(dir, name), both)
  const options = { dataDir: dir, names: NAMES, log: silentLog, wall: () => WALL }
  const used = await Certificates.open({ ...options, certificate: join(dir, 'c.pem'), key: join(dir, 'k.pem') })
  const loaded = loadConfig('domain = "example.org"', 'x')
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  const shown = new CertificateDesk({ ...options, config: loaded.config, certificates: used })
  t.notMatch(shown.certificate(), /PRIVATE/)
  t.match(shown.certificate(), /^-----BEGIN CERTIFICATE/)
})

t.test('a request: its key stays in the box and belongs to the certificate that comes back', async t => {
  const { desk, folder } = await deskIn(t)
  t.equal(desk.lastRequest(), undefined)
  const text = await desk.request()
  t.equal(desk.lastRequest(), text)
  t.notMatch(text, /PRIVATE/)
  const request = new x509.Pkcs10CertificateRequest(text)
  t.ok(await request.verify())
  t.equal(request.subject, 'CN=edge1.example.org')
  t.match(namesOf(request), ['edge1.example.org', 'example.org', '127.0.0.1', '::1'])
  const key = readFileSync(join(folder, 'request.key.pem'), 'utf8')
  t.equal(statSync(join(folder, 'request.key.pem')).mode & 0o777, 0o600)
  t.same(
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    Buffer.from(request.publicKey.rawData),
    'the key of the request',
  )
  const keys = { publicKey: await request.publicKey.export(), privateKey: await signingKey(key) }
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const issued = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: request.subject,
    notBefore: new Date(WALL - DAY_MS),
    notAfter: new Date(WALL + DAY_MS),
    signingAlgorithm: algorithm,
    keys,
  })
  const offer = desk.offer({ certificate: issued.toString('pem'), key: '' })
  t.match(offer, {
    view: {
      warnings: [
        { kind: 'ends soon', days: 1 },
        { kind: 'does not name', name: 'example.org' },
      ],
    },
  })
})

const namesOf = ({ extensions }: x509.Pkcs10CertificateRequest): string[] =>
  extensions
    .flatMap(each => (each instanceof x509.SubjectAlternativeNameExtension ? each.names.items : []))
    .filter(({ type }) => type !== 'url')
    .map(({ value }) => value)

const signingKey = (pem: string) =>
  crypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }),
    { name: 'ECDSA', namedCurve: 'P-256' },
    true,
    ['sign'],
  )

t.test('a new self-signed one has another key and the names of now; a renewal may keep the key in use', async t => {
  const { desk } = await deskIn(t, { isOwn: true })
  const made = await desk.make()
  if ('errors' in made) return t.fail(JSON.stringify(made))
  t.match(made.view, { isSelfSigned: true, isOwn: false, warnings: [] })
  t.not(made.view.fingerprint, desk.view()!.fingerprint)
  t.ok('changes' in desk.offer({ certificate: desk.certificate()!, key: '' }))
})

t.test('warnings: over, soon over, not yet, and names that are missing', async t => {
  const authority = await Authority.make()
  const { certificate, key } = await authority.issue({ ...ISSUED, names: [dns('edge1.example.org')] })
  for (const [wall, kinds] of [
    [WALL, ['does not name']],
    [WALL + 69 * DAY_MS, ['does not name']],
    [WALL + 70 * DAY_MS, ['ends soon', 'does not name']],
    [Date.UTC(1990, 0, 1), ['not yet valid', 'does not name']],
    [LOST, ['does not name']],
  ] as const) {
    const { desk } = await deskIn(t, { wall })
    const offer = desk.offer({ certificate, key })
    t.same('view' in offer && offer.view.warnings.map(({ kind }) => kind), kinds)
  }
})

t.test('what was given and is not used goes, the oldest first', async t => {
  const { desk, folder } = await deskIn(t)
  for (let made = 0; made < 12; made++) await desk.make()
  t.ok(readdirSync(folder).length <= 18, 'eight pairs, and the one just given')
  const names = readdirSync(folder)
  for (const name of names.filter(each => !each.endsWith('.key.pem')))
    t.ok(names.includes(name.replace('.pem', '.key.pem')), 'pairs')
})
