import t from 'tap'
import { contentKind } from './content-kind.ts'

const TYPING = 'application/im-iscomposing+xml'
const NOTICE =
  '<?xml version="1.0"?>\n<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>active</state></isComposing>'

t.test('RFC 3994: a typing notice is one by its type, its size and what it says', async t => {
  const isNoise = (type: string, text: string, isEncoded = false) =>
    contentKind(type, isEncoded, Buffer.from(text)).isNoise
  t.ok(isNoise(TYPING, NOTICE))
  t.ok(isNoise(TYPING, '<i:isComposing xmlns:i="urn:ietf:params:xml:ns:im-iscomposing"/>'))
  t.ok(isNoise('message/cpim', `From: <im:a@b>\r\n\r\nContent-Type: ${TYPING}\r\n\r\n${NOTICE}`))
  t.notOk(isNoise('text/plain', NOTICE))
  t.notOk(isNoise(TYPING, 'what I say stays in no history'))
  t.notOk(isNoise(TYPING, `${NOTICE}${' '.repeat(4096)}`))
  t.notOk(isNoise(TYPING, NOTICE, true), 'what cannot be looked into is a message')
  t.notOk(isNoise('message/cpim', `From: <im:a@b>\r\n\r\nContent-Type: ${TYPING}\r\n\r\nnot so`))
})
