import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Log, silentLog } from '../base/log.ts'
import { Authority, dns, type Issued } from '../testing/authority.ts'
import { Certificates, readAuthorities } from './certificates.ts'

const authority = await Authority.make()
const names = { hostname: 'edge1.example.org', domain: 'example.org', addresses: ['192.0.2.1', '2001:db8::1'] }

/** Certificates in a folder of their own, with what was logged. */
function setUp(t: Test, pair?: Issued) {
  const dir = t.testdir({})
  const logged: string[] = []
  const note = (msg: string): void => void logged.push(msg)
  const log: Log = { ...silentLog, info: note, warn: note, error: note }
  const certificate = pair ? join(dir, 'c.pem') : ''
  const key = pair ? join(dir, 'k.pem') : ''
  const write = ({ certificate: text, key: secret }: Partial<Issued>): void => {
    if (text !== undefined) writeFileSync(certificate, text)
    if (secret !== undefined) writeFileSync(key, secret)
  }
  if (pair) write(pair)
  const open = () => Certificates.open({ certificate, key, dataDir: dir, names, log, wall: () => Date.now() })
  return { dir, logged, open, write }
}

const edge = () => authority.issue({ names: [dns('edge1.example.org'), dns('example.org')] })

t.test('without files the box makes its own pair at the first start, and keeps it', async t => {
  const { dir, open, logged } = setUp(t)
  const first = await open()
  t.ok(first.isSelfSigned)
  t.match(first.fingerprint, /^sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  t.equal(statSync(join(dir, 'tls')).mode & 0o777, 0o700)
  for (const name of ['certificate.pem', 'key.pem']) t.equal(statSync(join(dir, 'tls', name)).mode & 0o777, 0o600)
  const { leaf } = first.pair
  for (const name of ['edge1.example.org', 'example.org']) t.ok(leaf.checkHost(name), name)
  for (const address of names.addresses) t.ok(leaf.checkIP(address), address)
  t.match(leaf.subjectAltName, 'URI:sip:example.org', 'RFC 5922 7.1')
  t.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  t.equal(new Date(leaf.validFrom).getUTCFullYear(), 2020, 'valid also on a box whose clock stands years behind')
  t.equal(new Date(leaf.validTo).getUTCFullYear(), 2049)
  t.notOk(leaf.ca)
  t.ok(leaf.verify(leaf.publicKey))
  t.equal((await open()).fingerprint, first.fingerprint)
  t.same(logged, [])
})

t.test('a self-signed pair that is damaged is made anew and the log says so', async t => {
  const { dir, open, logged } = setUp(t)
  const first = await open()
  writeFileSync(join(dir, 'tls', 'key.pem'), 'half a k')
  t.not((await open()).fingerprint, first.fingerprint)
  t.match(logged, [/damaged and is made anew/])
})

t.test('files that are no pair stop the start with key, path, what is wrong and what is allowed', async t => {
  const { open, write } = setUp(t, await edge())
  write({ key: (await edge()).key })
  await t.rejects(
    open(),
    /^tls\.key: .*k\.pem is not the key of the certificate, allowed: the two files of one pair\.$/,
  )
})

t.test('a new pair is taken when its files change, and those who use it are told', async t => {
  const { open, write, logged } = setUp(t, await edge())
  const certificates = await open()
  const before = certificates.fingerprint
  let changes = 0
  certificates.onChange(() => changes++)
  certificates.look()
  t.same([certificates.fingerprint, changes], [before, 0])
  write(await edge())
  certificates.look()
  t.not(certificates.fingerprint, before)
  t.equal(changes, 1)
  t.same(logged, ['new certificate in use'])
})

t.test('between one file and the other the old pair stays, without an alarm', async t => {
  const { open, write, logged } = setUp(t, await edge())
  const certificates = await open()
  const before = certificates.fingerprint
  const next = await edge()
  write({ certificate: next.certificate })
  certificates.look()
  t.equal(certificates.fingerprint, before)
  t.same(logged, [])
  write({ key: next.key })
  certificates.look()
  t.not(certificates.fingerprint, before)
  t.same(logged, ['new certificate in use'])
})

t.test('a broken new pair is refused once with a line in the log, and the old one stays', async t => {
  const { open, write, logged } = setUp(t, await edge())
  const certificates = await open()
  const before = certificates.fingerprint
  write({ certificate: 'nonsense' })
  for (let look = 0; look < 5; look++) certificates.look()
  t.equal(certificates.fingerprint, before)
  t.same(logged, ['new certificate refused, the old one stays'])
  certificates.reload()
  t.equal(logged.length, 2, 'asked for, it is said again')
})

t.test('asked to, it reads the files whether they changed or not', async t => {
  const { open, write, logged } = setUp(t, await edge())
  const certificates = await open()
  certificates.reload()
  write(await edge())
  certificates.reload()
  t.same(logged, ['certificate read again: unchanged', 'new certificate in use'])
})

t.test('a certificate for somebody else is warned of at the start', async t => {
  const { open, logged } = setUp(t, await authority.issue({ names: [dns('example.net')] }))
  await open()
  t.same(logged, ['the certificate does not name edge1.example.org', 'the certificate does not name example.org'])
})

t.test('a file of authorities is told from what is none', async t => {
  const dir = t.testdir({ empty: '', bad: '-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n' })
  const file = join(dir, 'ca.pem')
  writeFileSync(file, `two of them\n${authority.certificate}\n${(await Authority.make()).certificate}\n`)
  t.equal(readAuthorities(file), readFileSync(file, 'utf8'))
  t.match(readAuthorities(join(dir, 'empty')), { wrong: 'holds no certificate' })
  t.match(readAuthorities(join(dir, 'bad')), { wrong: 'is not a certificate in PEM' })
  t.match(readAuthorities(join(dir, 'none')), { wrong: /^cannot be read: there is no such file/ })
  chmodSync(file, 0o600)
})
