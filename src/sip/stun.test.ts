import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { udpFlow } from '../base/flow.ts'
import { ALICE, ALICE6, requestText, SipWire } from '../testing/sip-wire.ts'
import { isStun, judgeStun, type StunVerdict } from './stun.ts'

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex')
const ascii = (text: string): string => Buffer.from(text, 'latin1').toString('hex')

const ID = 'b7e7a701 bc34d686 fa87dfae'
/** The address of the sample responses. */
const V4 = { address: '192.0.2.1', port: 32853 }
const V6 = { address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32853 }

/** RFC 5769 2.1; PRIORITY (0x0024) belongs to ICE, which a SIP port does not do. */
const SAMPLE = hex(`
  0001 0058 2112a442 ${ID}
  8022 0010 ${ascii('STUN test client')}
  0024 0004 6e0001ff
  8029 0008 932ff9b1 51263b36
  0006 0009 ${ascii('evtj:h6vY')} 202020
  0008 0014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
  8028 0004 e57a3bcf`)

const request = (attributes = '', type = '0001'): Buffer => {
  const body = hex(attributes)
  const length = body.length.toString(16).padStart(4, '0')
  return Buffer.concat([hex(`${type} ${length} 2112a442 ${ID}`), body])
}

/** With the FINGERPRINT that it should have. */
function sealed(bytes: Buffer): Buffer {
  const whole = Buffer.concat([bytes, hex('8028 0004 00000000')])
  whole.writeUInt16BE(whole.length - 20, 2)
  whole.writeUInt32BE((crc32(whole.subarray(0, -8)) ^ 0x5354554e) >>> 0, whole.length - 4)
  return whole
}

const answerOf = (verdict: StunVerdict): string => ('answer' in verdict ? verdict.answer.toString('hex') : verdict.kind)

t.test('RFC 5769 2.2, 2.3: XOR-MAPPED-ADDRESS of the sample responses, IPv4 and IPv6', async t => {
  const v4 = `0101 000c 2112a442 ${ID} 0020 0008 0001 a147 e112a643`
  t.equal(answerOf(judgeStun(request(), V4)), hex(v4).toString('hex'))
  const v6 = `0101 0018 2112a442 ${ID} 0020 0014 0002 a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9`
  t.equal(answerOf(judgeStun(request(), V6)), hex(v6).toString('hex'))
})

t.test('RFC 5769 2.1, RFC 8489 6.3.1: the sample request has an attribute of ICE: 420, which names it', async t => {
  t.ok(isStun(SAMPLE))
  const error = `0111 002c 2112a442 ${ID} 0009 0015 00000414 ${ascii('Unknown Attribute')} 000000 000a 0002 0024 0000`
  const verdict = judgeStun(SAMPLE, V4)
  t.equal(verdict.kind, 'unknown attribute')
  const unsealed = hex(error)
  t.equal(answerOf(verdict), sealed(unsealed).toString('hex'), 'with a FINGERPRINT, as the request had one')
})

t.test('an error names eight attributes at most, each once', async t => {
  const types = Array.from({ length: 20 }, (_, n) => (0x4000 + (n >> 1)).toString(16))
  const answer = answerOf(judgeStun(request(types.map(type => `${type}0000`).join('')), V4))
  t.match(answer, new RegExp(`000a0010${[...new Set(types)].slice(0, 8).join('')}$`))
})

t.test('RFC 5769 2.4: credentials that nobody asked for are passed over', async t => {
  const authenticated = request(`
    0006 0012 e3839ee3 8388e383 aae38383 e382afe3 82b90000
    0015 001c ${ascii('f//499k954d6OL34oL9FSTvy64sA')}
    0014 000b ${ascii('example.org')} 00
    0008 0014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666`)
  t.equal(judgeStun(authenticated, V4).kind, 'binding')
})

t.test('RFC 8489 14.7: a FINGERPRINT has to fit, and to be the last', async t => {
  const good = sealed(request('8022 0004 61626364'))
  t.equal(judgeStun(good, V4).kind, 'binding')
  const typeAt = good.length - 8
  for (let at = 8; at < good.length; at++) {
    if (at === typeAt || at === typeAt + 1) continue
    const changed = Buffer.from(good)
    changed[at]! ^= 1
    t.equal(judgeStun(changed, V4).kind, 'dropped', `byte ${at} changed`)
  }
  const early = Buffer.concat([good, hex('8022 0000')])
  early.writeUInt16BE(early.length - 20, 2)
  t.equal(judgeStun(early, V4).kind, 'dropped')
})

t.test('RFC 8489 6.3: what is cut short, too long or of another kind is dropped', async t => {
  const cases: readonly (readonly [string, Buffer])[] = [
    ['header cut', request().subarray(0, 19)],
    ['header alone, with a length', hex(`0001 0004 2112a442 ${ID}`)],
    ['more than it says', Buffer.concat([request(), hex('00000000')])],
    ['attribute longer than the rest', request('8022 0008 61626364')],
    ['classic STUN', hex('0001 0000 00000001 00000002 00000003 00000004')],
    ['a success response', request('0020 0008 0001a147 e112a643', '0101')],
    ['an error response', request('0009 0004 00000400', '0111')],
    ['an Allocate request of TURN', request('', '0003')],
    ['an indication with what it requires to be understood', request('0024 0004 6e0001ff', '0011')],
  ]
  for (const [what, bytes] of cases) {
    t.ok(isStun(bytes), what)
    t.equal(judgeStun(bytes, V4).kind, 'dropped', what)
  }
  t.equal(judgeStun(request('', '0011'), V4).kind, 'indication')
})

t.test('RFC 5626 8: what may begin a SIP message is none of STUN', async t => {
  for (const text of [requestText(), requestText({ method: '!x' }), '\r\nMESSAGE', '', '\r\n', '2112a442'])
    t.notOk(isStun(Buffer.from(text, 'latin1')), text.slice(0, 10))
})

t.test('no amplifier: an answer is at most 44 bytes longer than what it answers, whatever that says', async t => {
  const attribute = fc.record({ type: fc.integer({ min: 0, max: 0xffff }), value: fc.uint8Array({ maxLength: 6 }) })
  const isSmall = fc.property(fc.array(attribute, { maxLength: 30 }), fc.boolean(), (attributes, isSealed) => {
    const body = attributes.map(({ type, value }) => {
      const bytes = Buffer.alloc(4 + value.length + (-value.length & 3))
      bytes.writeUInt16BE(type === 0x8028 ? 0x8029 : type, 0)
      bytes.writeUInt16BE(value.length, 2)
      bytes.set(value, 4)
      return bytes.toString('hex')
    })
    const plain = request(body.join(''))
    const bytes = isSealed ? sealed(plain) : plain
    const verdict = judgeStun(bytes, V6)
    return 'answer' in verdict && verdict.answer.length <= bytes.length + 44
  })
  t.doesNotThrow(() => fc.assert(isSmall, { numRuns: 500, seed: 8489 }))
})

t.test(
  'RFC 5626 3.5.2: a keep-alive is answered over its flow, no SIP is counted, and SIP goes on beside it',
  async t => {
    const wire = new SipWire()
    for (const flow of [ALICE, ALICE6]) {
      wire.receive(request().toString('latin1'), flow)
      const [sent, ...more] = wire.take()
      t.same(more, [])
      t.equal(sent!.flow, flow)
      t.equal(sent!.text, (judgeStun(request(), flow.remote) as { answer: Buffer }).answer.toString('latin1'))
    }
    wire.receive(SAMPLE.toString('latin1'))
    t.equal(wire.take().length, 1)
    wire.receive(request('', '0011').toString('latin1'))
    wire.receive(`\x00\x01${'\x80'.repeat(40)}`)
    t.same(wire.take(), [])
    t.same(wire.counters.describe(), {
      stun: { binding: 2, 'unknown attribute': 1, indication: 1, dropped: 1 },
      sip_keepalives: { '': 3 },
    })
    wire.receive(requestText())
    t.equal(wire.transactions.length, 1)
  },
)

t.test('RFC 5626 4.4.1: on a stream STUN is no keep-alive', async t => {
  const wire = new SipWire()
  const flow = wire.open({ ...udpFlow(V4, V4), id: 'tcp/1', transport: 'tcp' })
  wire.receive(request().toString('latin1'), flow)
  t.same(wire.take(), [])
  t.equal(wire.counters.get('stun', 'binding'), 0)
})
