import t from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { CPIM_HEAD_BYTES_MAX, readCpim } from './cpim-read.ts'

const IMDN = 'urn:ietf:params:imdn'

const cpim = (headers: readonly string[], content = ['Content-Type: text/plain', '', 'hello']) =>
  Buffer.from([...headers, '', ...content].join('\r\n'))

t.test('RFC 3862 3.4: a prefix means the namespace that the latest NS declared for it', async t => {
  const head = readCpim(
    cpim([
      'From: Alice <sip:alice@example.org>',
      'x.Before: 1',
      'NS: x <urn:ietf:params:imdn>',
      'x.Message-ID: one',
      'NS: x <urn:other>',
      'x.Message-ID: two',
      'NS: <urn:default>',
      'Thing: three',
    ]),
  )!
  t.same(head.of(IMDN, 'Message-ID'), ['one'])
  t.same(head.of('urn:other', 'Message-ID'), ['two'])
  t.same(head.of('urn:default', 'Thing'), ['three'])
  t.same(head.core('From'), ['Alice <sip:alice@example.org>'])
  t.same(head.core('Message-ID'), [])
  t.same(head.of(IMDN, 'Before'), [], 'declared too late')
})

t.test('RFC 3862 2.3: names are case-sensitive, parameters are no part of the value', async t => {
  const head = readCpim(cpim(['from: x', 'From: <sip:a@b>', 'Subject:;lang=fr un sujet']))!
  t.same(head.core('From'), ['<sip:a@b>'])
  t.same(head.core('Subject'), ['un sujet'])
})

t.test('the type of the content, in any case and without parameters', async t => {
  const type = (line: string) => readCpim(cpim(['From: <sip:a@b>'], [line, '', '']))?.mediaType
  t.equal(type('CONTENT-TYPE: Message/IMDN+xml;charset=utf-8'), 'message/imdn+xml')
  t.equal(type('Content-Disposition: notification'), undefined)
})

t.test('line ends of LF alone are read too', async t => {
  const head = readCpim(Buffer.from('From: <sip:a@b>\n\nContent-Type: text/plain\n\nhello'))
  t.equal(head?.mediaType, 'text/plain')
})

t.test('what is no message/cpim, or hides behind too much, is nothing', async t => {
  t.equal(readCpim(Buffer.alloc(0)), undefined)
  t.equal(readCpim(Buffer.from('hello')), undefined)
  t.equal(readCpim(Buffer.from('\r\n\r\nhello')), undefined)
  t.equal(readCpim(cpim(['no header'])), undefined)
  t.equal(readCpim(cpim([' folded: x'])), undefined)
  t.equal(readCpim(cpim(['From: a\0b'])), undefined, 'a control character')
  t.equal(readCpim(Buffer.from('From: \xff\r\n\r\nContent-Type: a/b\r\n\r\n', 'latin1')), undefined, 'no UTF-8')
  t.equal(readCpim(cpim([`From: ${'x'.repeat(CPIM_HEAD_BYTES_MAX)}`])), undefined, 'longer than is looked at')
  t.equal(
    readCpim(cpim(Array.from({ length: 200 }, (_, i) => `X-${i}: y`))),
    undefined,
    'more lines than are looked at',
  )
  t.ok(readCpim(cpim(['From: <sip:a@b>'], ['Content-Type: a/b', '', 'x'.repeat(CPIM_HEAD_BYTES_MAX)])), 'a long body')
})

t.test('any bytes are read or not, and nothing is thrown', async t => {
  const dice = new SeededEntropy('cpim')
  const whole = cpim(['From: <sip:a@b>', 'NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: 1'])
  let read = 0
  for (let run = 0; run < 3000; run++) {
    const bytes = Buffer.from(whole)
    for (let change = dice.below(4); change >= 0; change--) bytes[dice.below(bytes.length)] = dice.below(256)
    if (readCpim(bytes.subarray(0, dice.chance(0.3) ? dice.below(bytes.length) : bytes.length))) read++
  }
  t.ok(read > 100, `${read} were read`)
})
