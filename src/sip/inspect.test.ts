import t from 'tap'
import { value, values } from '../sip-parser-lite/access.ts'
import { toTag } from '../sip-parser-lite/typed.ts'
import { atSecond, exampleRequest } from '../testing/sip-examples.ts'
import { type InspectRules, inspect, optionsAnswer } from './inspect.ts'

const rules: InspectRules = {
  methods: new Set(['MESSAGE', 'REGISTER', 'OPTIONS', 'CANCEL']),
  supported: new Set(['path', 'outbound']),
  role: 'both',
  accept: new Map([['REGISTER', ['message/sip']]]),
  isOwnVia: (host, port) => host === 'edge1.example.org' && (port ?? 5060) === 5060,
}
const uas: InspectRules = { ...rules, role: 'uas' }
const proxy: InspectRules = { ...rules, role: 'proxy' }

const look = (lines: string[], with_ = rules, method = 'MESSAGE', uri = 'sip:bob@example.org', body = '') =>
  inspect(exampleRequest(method, uri, lines, body), with_)

t.test('RFC 3261 8.2: an ordinary request passes', async t => {
  for (const role of [rules, uas, proxy]) t.equal(look([], role), undefined)
  t.equal(look(['Content-Type: x/y', 'Content-Encoding: deflate'], rules, 'MESSAGE', 'sip:bob@h', 'hi'), undefined)
})

t.test('RFC 3261 8.2.1, 21.5.2: a method not served is 405, one never heard of 501, both with Allow', async t => {
  const Allow = [['Allow', 'MESSAGE, REGISTER, OPTIONS, CANCEL']]
  t.same(look([], rules, 'INVITE'), { status: 405, headers: Allow })
  t.same(look([], rules, 'PUBLISH'), { status: 405, headers: Allow })
  t.same(look([], rules, 'FROBNICATE'), { status: 501, headers: Allow })
  t.same(look([], rules, 'message'), { status: 501, headers: Allow }, 'methods are case-sensitive')
})

t.test('RFC 3261 8.2.2.1: a scheme other than sip and sips is 416, a URI that is none 400', async t => {
  t.same(look([], rules, 'MESSAGE', 'nobodyKnowsThisScheme:totallyopaque'), { status: 416 })
  t.same(look([], rules, 'MESSAGE', 'tel:+4989123'), { status: 416 })
  t.equal(look([], rules, 'MESSAGE', 'SIPS:bob@example.org'), undefined)
  const unreadable = { ...exampleRequest('MESSAGE', 'sip:bob@example.org'), uri: 'sip:bob@' }
  t.equal(inspect(unreadable, rules)?.status, 400)
})

t.test('RFC 3261 16.3 step 3: Max-Forwards 0 ends here unless we are meant', async t => {
  t.same(look(['Max-Forwards: 0']), { status: 483 })
  t.same(look(['Max-Forwards: 0'], proxy), { status: 483 })
  t.equal(look(['Max-Forwards: 0'], uas), undefined)
  t.equal(look(['Max-Forwards: 1']), undefined)
})

t.test('RFC 3261 16.3 step 4, RFC 5393 4.2: our Via anywhere in the request is a loop', async t => {
  const other = 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa'
  const own = 'SIP/2.0/TCP Edge1.example.org;branch=z9hG4bKb'
  t.same(look([`Via: ${own}`]), { status: 482 })
  t.same(look([`Via: ${other}`, `Via: ${own}`]), { status: 482 })
  t.same(look([`Via: ${other}, ${own}`]), { status: 482 })
  t.equal(look([`Via: ${own}`], uas), undefined)
  t.equal(look([`Via: ${other}, SIP/2.0/UDP edge1.example.org:5070;branch=z9hG4bKb`]), undefined)
})

t.test('RFC 3261 8.2.2.3, 16.3 step 5: unknown extensions are 420 and named in Unsupported', async t => {
  const lines = ['Require: path, nothingSupportsThis', 'Proxy-Require: noProxiesSupportThis, nothingSupportsThis']
  const refused = (tags: string) => ({ status: 420, headers: [['Unsupported', tags]] })
  t.same(look(lines), refused('nothingSupportsThis, noProxiesSupportThis'))
  t.same(look(lines, uas), refused('nothingSupportsThis'))
  t.same(look(lines, proxy), refused('noProxiesSupportThis, nothingSupportsThis'))
  t.equal(look(['Require: PATH, Outbound']), undefined)
  t.equal(look(lines, rules, 'CANCEL'), undefined, 'never for CANCEL')
})

t.test('RFC 3261 8.2.3: a body not understood is 415 with Accept, unless it does not matter', async t => {
  const register = (lines: string[], with_ = uas) => look(lines, with_, 'REGISTER', 'sip:example.org', 'body')
  const refused = {
    status: 415,
    headers: [
      ['Accept', 'message/sip'],
      ['Accept-Encoding', 'identity'],
    ],
  }
  t.same(register(['Content-Type: text/plain']), refused)
  t.same(register([]), refused)
  t.same(register(['Content-Type: message/sip', 'Content-Encoding: gzip']), refused)
  t.equal(register(['Content-Type: Message/SIP;version=2.0', 'Content-Encoding: identity']), undefined)
  t.equal(register(['Content-Type: text/plain', 'Content-Disposition: render;handling=OPTIONAL']), undefined)
  t.equal(register(['Content-Type: text/plain'], proxy), undefined)
  t.equal(look(['Content-Type: text/plain'], uas, 'REGISTER'), undefined, 'no body')
})

t.test('RFC 3261 8.2: the first fault in the order of the clauses is the one answered', async t => {
  const lines = ['Max-Forwards: 0', 'Require: x', 'Content-Type: text/plain']
  t.equal(look(lines, rules, 'INVITE', 'x:y', 'b')?.status, 405)
  t.equal(look(lines, rules, 'REGISTER', 'x:y', 'b')?.status, 416)
  t.equal(look(lines, rules, 'REGISTER', 'sip:h', 'b')?.status, 483)
  t.equal(look(lines, uas, 'REGISTER', 'sip:h', 'b')?.status, 420)
})

t.test('a header that cannot be read is 400 and named', async t => {
  t.match(look(['Content-Type: /'], uas, 'REGISTER', 'sip:h', 'b'), { status: 400 })
})

t.test('RFC 3261 11.2: OPTIONS tells what the rules let through', async t => {
  const response = optionsAnswer(atSecond(0), exampleRequest('OPTIONS', 'sip:example.org'), uas, 'tag1')
  t.equal(response.status, 200)
  t.same(values(response, 'allow'), ['MESSAGE', 'REGISTER', 'OPTIONS', 'CANCEL'])
  t.same(values(response, 'supported'), ['path', 'outbound'])
  t.same(values(response, 'accept'), ['*/*'])
  for (const key of ['accept-encoding', 'accept-language', 'server', 'date']) t.ok(value(response, key), key)
  t.equal(toTag(response), 'tag1')
})
