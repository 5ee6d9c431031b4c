import t from 'tap'
import { usableFingerprints } from './fingerprint.ts'

const hex = (octets: number, digit = 'a'): string => Array(octets).fill(`${digit}0`).join(':')

t.test('RFC 8122 5: the name of the hash in any case, octets in capitals', async t => {
  t.same(usableFingerprints([`SHA-256 ${hex(32)}`]), [`sha-256 ${hex(32, 'A')}`])
  t.same(usableFingerprints([` sha-1  ${hex(20)} `]), [`sha-1 ${hex(20, 'A')}`])
})

t.test('RFC 8122 5.1: of several, those of the strongest hash function count', async t => {
  const values = [`sha-1 ${hex(20)}`, `sha-256 ${hex(32)}`, `SHA-256 ${hex(32, 'b')}`, `md5 ${hex(16)}`]
  t.same(usableFingerprints(values), [`sha-256 ${hex(32, 'A')}`, `sha-256 ${hex(32, 'B')}`])
  t.same(usableFingerprints([...values, `sha-512 ${hex(64)}`]), [`sha-512 ${hex(64, 'A')}`])
})

t.test('what cannot be used is as if it were not there', async t => {
  const useless = [
    '',
    'sha-256',
    `md5 ${hex(16)}`,
    `sha-256 ${hex(31)}`,
    `sha-256 ${hex(32)}:`,
    `sha-9 ${hex(32)}`,
    'sha-256 zz',
  ]
  t.equal(usableFingerprints(useless), undefined)
  t.equal(usableFingerprints([]), undefined)
})
