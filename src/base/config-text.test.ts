import t from 'tap'
import { decodeConfig } from './config-text.ts'

const decode = (...bytes: (string | number)[]) =>
  decodeConfig(
    Buffer.concat(bytes.map(part => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part)))),
    'f',
  )

t.test('UTF-8, with or without a byte order mark', async t => {
  t.same(decode('a = "é€😀"\n'), { text: 'a = "é€😀"\n' })
  t.same(decode(0xef, 0xbb, 0xbf, 'a = 1'), { text: 'a = 1' })
  t.same(decode(), { text: '' })
})

t.test('RFC 3629 3: other bytes are refused with their line and place', async t => {
  const refused = (parts: (string | number)[], line: number, byte: string, place: number) =>
    t.match(decode(...parts), {
      errors: [`f:${line}: byte ${byte}, the ${place}. of the file, is not UTF-8, allowed: `],
    })
  refused(['a = "caf', 0xe9, '"'], 1, '0xe9', 9)
  refused(['é = 1\n\nb = "', 0x80, '"'], 3, '0x80', 14)
  refused(['é', 0xc3], 1, '0xc3', 3)
  refused(['a\n', 0xed, 0xa0, 0x80], 2, '0xed', 3)
  refused([0xc0, 0x80], 1, '0xc0', 1)
  refused([0xf8, 0x88, 0x80, 0x80, 0x80], 1, '0xf8', 1)
  t.match(decodeConfig(Buffer.from('\ufeffa = 1', 'utf16le'), 'f'), { errors: [/^f:1: the text is UTF-16, allowed: /] })
})
