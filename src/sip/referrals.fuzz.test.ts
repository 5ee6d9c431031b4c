import fc from 'fast-check'
import t from 'tap'
import { ReferrerWire } from '../testing/referrer-wire.ts'

const piece = fc.oneof(
  fc.constantFrom('<', '>', '"', '\\', ';', ',', '=', '*', '?', '@', ' ', '%', '\t', '\xe9'),
  fc.constantFrom(
    '<sip:f@example.org>',
    'sip:f@[2001:db8::1]:5060',
    'sips:',
    'tel:+49',
    ';method=BYE',
    ';method=',
    '?a=b',
  ),
  fc.constantFrom('"F" ', ';lr', '%20', '<sip:f@example.org;method=REFER>', 'true', 'false', '\r\n '),
)
const hostile = fc.array(piece, { maxLength: 6 }).map(pieces => pieces.join(''))
const header = fc.tuple(
  fc.constantFrom('Refer-To', 'r', 'Refer-Sub', 'Contact', 'Allow', 'Record-Route', 'Accept'),
  hostile,
)

t.test(
  'HIS-REF-04: whatever stands in a REFER, it is taken or refused with 4xx, and told of where it is taken',
  async t => {
    let taken = 0
    const isHandled = fc.property(fc.array(header, { maxLength: 5 }), fc.boolean(), (headers, isPlain) => {
      const peer = new ReferrerWire()
      const lines = headers.map(([name, text]) => `${name}: ${text}`)
      peer.refer(isPlain ? ['Refer-To: <sip:f@example.org>', ...lines] : lines, isPlain ? {} : { contact: '' })
      const [answer = '', ...told] = peer.lines()
      // The parser refuses what is no message at all without our help.
      if (peer.taken.length === 0) return /^4\d\d$/.test(answer) || answer === ''
      // A dialog cannot be made of every Record-Route.
      if (answer === '400') return peer.begun.length === 0 && told.length === 0
      taken++
      const [referral] = peer.taken
      if (answer !== '202' || !/^sips?:[^?]+$/i.test(referral!.referTo)) return false
      return told.length === (referral!.isWatched ? 1 : 0) && peer.begun.length === 1
    })
    t.doesNotThrow(() => fc.assert(isHandled, { numRuns: 1500, seed: 3515 }))
    t.ok(taken > 50, `${taken} were taken`)
  },
)

const step = fc.oneof(
  fc.record({ progress: fc.constantFrom(180, 183, 200, 486, 603) }),
  fc.record({ pass: fc.constantFrom(0, 500, 5000, 40_000, 301_000) }),
  fc.record({ notify: fc.constantFrom(200, 202, 481, 500, 0) }),
  fc.record({ subscribe: fc.constantFrom(0, 60, 600) }),
)

t.test(
  'HIS-REF-10: whatever the network loses and the subscriber answers, progress is told in order, and its end once',
  async t => {
    let ended = 0
    const isRight = fc.property(fc.array(step, { maxLength: 15 }), steps => {
      const peer = new ReferrerWire()
      const { referral, toTag } = peer.referred()
      const told = new Map<string, string>()
      let last = ''
      const look = () => {
        for (const text of peer.texts()) {
          if (!text.startsWith('NOTIFY')) continue
          last = text
          told.set(/^CSeq: (\d+)/m.exec(text)![1]!, text)
        }
      }
      for (const each of steps) {
        if ('progress' in each) referral.progress(peer.wire.now, each.progress, 'So')
        else if ('pass' in each) peer.pass(each.pass)
        else if ('subscribe' in each) peer.ask({ toTag, event: 'refer', expires: each.subscribe })
        else if (each.notify > 0 && last !== '') peer.reply(last, each.notify)
        look()
      }
      peer.pass(1_300_000)
      look()
      const texts = [...told.values()]
      const ends = texts.filter(text => /^Subscription-State: terminated/m.test(text))
      ended += ends.length
      const isLast = ends.length === 0 || texts.at(-1) === ends[0]
      const haveBodies = texts.every(text => /\r\n\r\nSIP\/2\.0 \d\d\d [ -~]+\r\n$/.test(text))
      const { total } = peer.subscriptions.describe()
      return ends.length <= 1 && isLast && haveBodies && total === 0 && peer.kept.size === 0
    })
    t.doesNotThrow(() => fc.assert(isRight, { numRuns: 500, seed: 4488 }))
    t.ok(ended > 200, `${ended} were told of the end`)
  },
)
