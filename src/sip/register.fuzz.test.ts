import fc from 'fast-check'
import t from 'tap'
import { Counters } from '../base/counters.ts'
import { addLast, values } from '../sip-parser-lite/access.ts'
import { parseNameAddr } from '../sip-parser-lite/typed.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { atSecond, exampleFlow, exampleRegister } from '../testing/sip-examples.ts'
import { contactParams } from './contact-params.ts'
import { Digest } from './digest.ts'
import { isRefusal } from './refusal.ts'
import { applyRegister, contactValue } from './register.ts'
import { REGISTER_LIMITS, readRegister } from './register-ask.ts'

/** Text that is often nearly a Contact: pieces of the grammar in any order, and stray characters. */
const piece = fc.oneof(
  fc.constantFrom('<', '>', '"', '\\', ';', ',', '=', '*', '?', '@', ' ', '%', '\t', '\xe9', '\0'),
  fc.constantFrom('<sip:bob@192.0.2.1>', 'sip:bob@[2001:db8::1]:5060', 'sips:', 'tel:+49', ';q=0.5', ';expires=60'),
  fc.constantFrom('+g.oma.sip-im', ';+sip.instance="<urn:uuid:1>"', ';reg-id=1', ';x="a;b,c\\""', '"B" '),
)
const hostile = fc.array(piece, { maxLength: 8 }).map(pieces => pieces.join(''))

t.test('RFC 3261 10.3: whatever stands in Contact, Path and Expires is bound or refused with 4xx', async t => {
  let bound = 0
  const isHandled = fc.property(hostile, hostile, hostile, (contact, path, expires) => {
    const request = exampleRegister('Supported: path, outbound')
    addLast(request, 'Contact', contact)
    if (path.length % 3 === 0) addLast(request, 'Path', path)
    addLast(request, 'Expires', expires)
    const ask = readRegister(request, REGISTER_LIMITS)
    if (isRefusal(ask)) return ask.status >= 400 && ask.status < 500
    const applied = applyRegister([], ask, atSecond(0), exampleFlow, REGISTER_LIMITS)
    if (isRefusal(applied)) return false
    bound += applied.bindings.length
    return true
  })
  t.doesNotThrow(() => fc.assert(isHandled, { numRuns: 2000, seed: 103 }))
  t.ok(bound > 20, `${bound} were good enough to be bound`)
})

t.test('RFC 3261 10.3 step 8: what is listed reads back as what was registered', async t => {
  const param = fc.constantFrom(';q=0.5', ';+g.oma.sip-im="TRUE"', ';methods="A,B;C"', ';Audio', ';x=y', ';expires=70')
  const isSame = fc.property(fc.uniqueArray(param), fc.boolean(), (params, isBracketed) => {
    const uri = 'sip:bob@192.0.2.1:5070'
    const text = (isBracketed ? `"B <;>" <${uri};ob>` : uri) + params.join('')
    const ask = readRegister(exampleRegister(`Contact: ${text}`), REGISTER_LIMITS)
    if (isRefusal(ask)) return false
    const applied = applyRegister([], ask, atSecond(0), exampleFlow, REGISTER_LIMITS)
    if (isRefusal(applied)) return false
    const listed = contactValue(applied.bindings[0]!, atSecond(0), REGISTER_LIMITS)
    const isUriSame = parseNameAddr(listed).uri === (isBracketed ? `${uri};ob` : uri)
    return isUriSame && contactParams(listed) === params.filter(param => !param.startsWith(';expires')).join('')
  })
  t.doesNotThrow(() => fc.assert(isSame, { numRuns: 300, seed: 108 }))
})

t.test('RFC 7616 3.4: whatever stands in Authorization is absent or wrong', async t => {
  const word = fc.constantFrom(
    'Digest ',
    'Basic ',
    'username=',
    '"bob"',
    'realm="example.org"',
    ', ',
    '=',
    '"',
    '\\',
    'nc=',
  )
  const digest = new Digest({ realm: 'example.org', entropy: new SeededEntropy(1), counters: new Counters() })
  const isRefused = fc.property(fc.array(word, { maxLength: 10 }), words => {
    const request = exampleRegister(`Authorization: ${['Digest ', ...words].join('')}`)
    const authorization = values(request, 'authorization')
    const { result } = digest.check(atSecond(0), { method: 'REGISTER', uri: request.uri, authorization, account: {} })
    return result === 'absent' || result === 'wrong'
  })
  t.doesNotThrow(() => fc.assert(isRefused, { numRuns: 1000, seed: 7616 }))
})
