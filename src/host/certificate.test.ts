import { createHash } from 'node:crypto'
import t from 'tap'
import { Authority, dns } from '../testing/authority.ts'
import { fingerprintsOf, isFault, mainFingerprint, readPair, warningsOf } from './certificate.ts'

const authority = await Authority.make()
const edge = await authority.issue({ names: [dns('edge1.example.org')] })
const other = await authority.issue({ names: [dns('edge2.example.org')] })

t.test('a pair is read with its chain behind the certificate', async t => {
  const pair = readPair(`${edge.certificate}\n${authority.certificate}`, edge.key)
  if (isFault(pair)) return t.fail(pair.wrong)
  t.match(pair.leaf.subjectAltName, 'DNS:edge1.example.org')
})

t.test('what is no pair is told: which file, and what is wrong', async t => {
  const rows = [
    ['', edge.key, 'certificate', /not a certificate in PEM/],
    ['-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----', edge.key, 'certificate', /not a certificate/],
    [edge.key, edge.key, 'certificate', /not a certificate/],
    [edge.certificate, '', 'key', /not a private key/],
    [edge.certificate, edge.certificate, 'key', /not a private key/],
    [edge.certificate, other.key, 'key', /not the key of the certificate/],
    [`${authority.certificate}\n${edge.certificate}`, edge.key, 'key', /not the key of the certificate/],
    [edge.certificate, '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII=\n', 'key', /is encrypted/],
    [edge.certificate, '-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n', 'key', /is encrypted/],
  ] as const
  for (const [certificate, key, part, wrong] of rows) t.match(readPair(certificate, key), { part, wrong })
})

t.test('what works and may not be meant is warned of', async t => {
  const at = Date.parse('2030-01-01')
  const warnings = async (names: string[], from: string, to: string, wall: number | null = at) => {
    const notBefore = new Date(from)
    const issued = await authority.issue({ names: [dns('edge1.example.org')], notBefore, notAfter: new Date(to) })
    const pair = readPair(issued.certificate, issued.key)
    return isFault(pair) ? [pair.wrong] : warningsOf(pair, names, wall ?? undefined)
  }
  t.same(await warnings(['edge1.example.org'], '2029-01-01', '2031-01-01'), [])
  t.match(await warnings([], '2028-01-01', '2029-01-01'), [/^has expired \(.*2029/])
  t.match(await warnings([], '2031-01-01', '2032-01-01'), [/^is not valid before .*2031/])
  t.same(await warnings([], '2028-01-01', '2029-01-01', null), [], 'an unset clock says nothing')
  t.same(await warnings(['edge1.example.org', 'example.org', '192.0.2.1'], '2029-01-01', '2031-01-01'), [
    'does not name example.org',
    'does not name 192.0.2.1',
  ])
})

t.test('RFC 8122 5: fingerprints by each hash function that a peer may have chosen', async t => {
  const pair = readPair(edge.certificate, edge.key)
  if (isFault(pair)) return t.fail(pair.wrong)
  const hex = createHash('sha256').update(pair.leaf.raw).digest('hex')
  t.equal(mainFingerprint(pair.leaf).replaceAll(':', '').toLowerCase(), `sha-256 ${hex}`)
  t.equal(mainFingerprint(pair.leaf), `sha-256 ${pair.leaf.fingerprint256}`)
  t.same(
    fingerprintsOf(pair.leaf).map(text => text.split(' ')[0]),
    ['sha-1', 'sha-256', 'sha-384', 'sha-512'],
  )
  t.ok(fingerprintsOf(pair.leaf).includes(`sha-512 ${pair.leaf.fingerprint512}`))
})
