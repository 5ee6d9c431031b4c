import t from 'tap'
import { exampleRegister, exampleRequest } from '../testing/sip-examples.ts'
import { isRefusal } from './refusal.ts'
import { type AskedContact, REGISTER_LIMITS, type RegisterAsk } from './register-ask.ts'
import { isThirdParty, readThirdParty } from './third-party.ts'

const core = ['From: <sip:core.example.org>;tag=c', 'Contact: <sip:core.example.org:5070;transport=tcp>']

const original = (contact: string): string =>
  ['REGISTER sip:example.org SIP/2.0', 'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKo', 'Max-Forwards: 70']
    .concat(['From: <sip:bob@example.org>;tag=b', 'To: <sip:bob@example.org>', 'Call-ID: o', 'CSeq: 1 REGISTER'])
    .concat([`Contact: ${contact}`, 'Content-Length: 0', '', ''])
    .join('\r\n')

function read(lines: readonly string[], body = ''): RegisterAsk {
  const ask = readThirdParty(exampleRequest('REGISTER', 'sip:im.example.org', lines, body), REGISTER_LIMITS)
  if (isRefusal(ask)) throw new Error(`refused: ${ask.status} ${ask.reason}`)
  return ask
}

const contactOf = (lines: readonly string[], body = ''): AskedContact => read(lines, body).contacts[0]!

t.test('3GPP TS 24.229 5.4.1.7: recognised by From and To of different users', async t => {
  t.notOk(isThirdParty(exampleRegister()))
  t.notOk(isThirdParty(exampleRegister('From: "B" <sips:b%6fb@EXAMPLE.org:5061;x=1>;tag=1')))
  t.ok(isThirdParty(exampleRegister(...core)))
  t.ok(isThirdParty(exampleRegister('To: <tel:+4989123>')))
})

t.test('docs/protocol.md: the user is reached by public identity through the core', async t => {
  const ask = read([...core, 'Expires: 600'])
  t.same(ask.path, ['<sip:core.example.org:5070;transport=tcp;lr>'])
  t.match(ask.contacts, [{ uri: 'sip:bob@example.org', expiresS: 600, isInstantMessaging: false }])
  t.same(read([core[0]!, 'Contact: <sip:c@core;lr?X=1>']).path, ['<sip:c@core;lr>'])
  t.same(read([core[0]!]).path, ['<sip:core.example.org;lr>'], 'From stands in for a missing Contact')
})

t.test('docs/protocol.md: Expires as copied, down to 0 at de-registration, without our minimum', async t => {
  t.equal(contactOf([...core, 'Expires: 0']).expiresS, 0)
  t.equal(contactOf([...core, 'Expires: 10']).expiresS, 10)
  t.equal(contactOf([...core, 'Expires: 9999999']).expiresS, 86_400)
  t.equal(contactOf(core).expiresS, 3600)
})

t.test('DM-DLV-01: the tag is taken from the core contact or from the enclosed REGISTER', async t => {
  const type = 'Content-Type: message/sip'
  const tagged = original('<sip:bob@192.0.2.1>;+g.oma.sip-im="TRUE"')
  t.ok(contactOf([core[0]!, `${core[1]};+g.oma.sip-im`]).isInstantMessaging)
  t.ok(contactOf([...core, type], tagged).isInstantMessaging)
  t.notOk(contactOf([...core, type], original('<sip:bob@192.0.2.1>')).isInstantMessaging)
  t.notOk(contactOf([...core, type], original('*')).isInstantMessaging)
  t.notOk(contactOf([...core, 'Content-Type: text/plain'], tagged).isInstantMessaging)
  const multipart =
    '--b\r\nContent-Type: application/3gpp-ims+xml\r\n\r\n<ims-3gpp/>' +
    `\r\n--b\r\nContent-Type: message/sip\r\n\r\n${tagged}\r\n--b--`
  t.ok(contactOf([...core, 'Content-Type: multipart/mixed;boundary=b'], multipart).isInstantMessaging)
})

t.test('an enclosed body that cannot be read is no hint and no error', async t => {
  for (const [type, body] of [
    ['message/sip', 'nonsense'],
    ['message/sip', original('<nothing>;+g.oma.sip-im')],
    ['message/sip;;=', original('<sip:bob@h>;+g.oma.sip-im')],
    ['multipart/mixed;boundary=b', 'no delimiter'],
    ['multipart/mixed', '--b'],
  ] as const)
    t.equal(contactOf([...core, `Content-Type: ${type}`], body).isInstantMessaging, false, type)
})

t.test('a Contact that cannot be read is 400', async t => {
  t.match(readThirdParty(exampleRegister(core[0]!, 'Contact: <sip:core@>'), REGISTER_LIMITS), { status: 400 })
})
