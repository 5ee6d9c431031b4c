import t from 'tap'
import type { Referral } from '../../sip/referral-types.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { parseMessage } from '../../sip-parser-lite/parse.ts'
import { Domain } from '../domain.ts'
import { isMeant, type RecordingPolicy, type RecordingWish, wishOf } from './recording-policy.ts'

const ALICE = 'sip:alice@example.org'
const HISTORY = 'sip:history@example.org'
const FACTORY = 'sip:factory@conf.example.org'
const domain = new Domain('example.org', ['192.0.2.1'])

const POLICY: RecordingPolicy = {
  isEnabled: true,
  functionUri: HISTORY,
  factoryUri: '',
  recordingsMax: 16,
  durationMaxMs: 60_000,
  areNamesProven: true,
  hasCore: false,
}

interface Asking {
  readonly uri?: string
  readonly referTo?: string
  readonly initiator?: string
  readonly from?: string
  readonly headers?: readonly string[]
  readonly method?: 'INVITE' | 'BYE'
}

function referral({
  uri = HISTORY,
  referTo = FACTORY,
  initiator = ALICE,
  from = `<${ALICE}>;tag=a`,
  headers = [],
  method = 'INVITE',
}: Asking = {}): Referral {
  const lines = [
    `REFER ${uri} SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKr',
    `From: ${from}`,
    `To: <${HISTORY}>`,
    'Call-ID: c',
    'CSeq: 1 REFER',
    `Refer-To: <${referTo}>`,
    ...headers,
    '',
    '',
  ]
  const request = parseMessage(Buffer.from(lines.join('\r\n'))) as SipRequest
  const rest = { id: 'r', contact: ALICE, allow: [], isWatched: true, accept() {}, refuse() {}, progress() {} }
  return { ...rest, request, initiator, referTo, method }
}

const asked = (asking: Asking = {}, policy: Partial<RecordingPolicy> = {}) =>
  wishOf(referral(asking), { ...POLICY, ...policy }, domain)

const wish = (asking: Asking = {}): RecordingWish => {
  const found = asked(asking)
  if ('status' in found) throw new Error(`refused: ${found.status}`)
  return found
}

t.test(
  'HIS-REF-06: a user of ours for themselves, at the function or at their own address with a History Type',
  async t => {
    t.match(asked(), {
      initiator: ALICE,
      requestUri: FACTORY,
      conference: FACTORY,
      from: `<${ALICE}>`,
      isAnonymous: false,
    })
    t.match(asked({ uri: `${HISTORY};history-type=session` }), { initiator: ALICE })
    t.match(asked({ uri: `${ALICE};history-type=session` }), { initiator: ALICE })
    t.match(asked({ uri: 'sip:alice@192.0.2.1;filename=x' }), { initiator: ALICE })
    t.match(asked({ uri: ALICE }), { status: 403 }, 'her address alone says nothing of history')
    t.match(asked({ uri: 'sip:bob@example.org;history-type=session' }), { status: 403 }, 'the history of another')
    t.match(asked({ uri: 'sip:history@elsewhere.example' }), { status: 403 })
    t.match(asked({}, { isEnabled: false }), { status: 403 }, 'history is switched off')
  },
)

t.test('HIS-REF-06: with history.conference_factory_uri nothing else is recorded', async t => {
  const policy = { factoryUri: `${FACTORY};transport=tcp` }
  t.match(asked({}, policy), { conference: FACTORY })
  t.match(asked({ referTo: 'sip:room-7@conf.example.org' }, policy), { conference: 'sip:room-7@conf.example.org' })
  t.match(asked({ referTo: 'sip:factory@elsewhere.example' }, policy), { status: 403 })
  t.match(asked({ referTo: 'sip:bob@example.org' }, policy), { status: 403 })
})

t.test(
  'HIS-REF-06: without it neither the box itself nor its users are called, and nobody on the word of a stranger',
  async t => {
    t.match(asked({ referTo: 'sip:bob@example.org' }), { status: 403 })
    t.match(asked({ referTo: 'sip:192.0.2.1' }), { status: 403 })
    t.match(asked({ referTo: 'sip:conference@example.org' }, { hasCore: true }), {
      conference: 'sip:conference@example.org',
    })
    t.match(asked({}, { areNamesProven: false }), { status: 403 })
    t.match(asked({}, { areNamesProven: false, factoryUri: FACTORY }), { conference: FACTORY })
  },
)

t.test('HIS-REF-08, HIS-INV-06: the History Type goes on byte for byte, the name is kept as one', async t => {
  const uri = `${HISTORY};history-type=session;filename=Team%20%2Fetc%2Fpasswd`
  const found = wish({ uri, referTo: `${FACTORY};transport=tcp` })
  t.equal(found.requestUri, `${FACTORY};transport=tcp;history-type=session;filename=Team%20%2Fetc%2Fpasswd`)
  t.equal(found.recordingName, 'Team _etc_passwd')
  t.equal(found.conference, FACTORY)
})

t.test(
  'HIS-INV-07: an initiator who asked for privacy is nobody in the metadata, and From says what they let it say',
  async t => {
    const plain = wish({ headers: ['Privacy: id'] })
    t.match(plain, { from: `<${ALICE}>`, isAnonymous: true, privacy: 'id', initiator: ALICE })
    const hidden = wish({ from: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a', headers: ['Privacy: id'] })
    t.match(hidden, { from: '<sip:anonymous@anonymous.invalid>', isAnonymous: true, initiator: ALICE })
    for (const uri of ['sip:boss@anonymous.invalid.example.net', 'sip:x%40anonymous.invalid@example.net'])
      t.match(wish({ from: `<${uri}>;tag=a`, headers: ['Privacy: id'] }), { from: `<${ALICE}>` }, uri)
  },
)

t.test(
  'a REFER with method=BYE means recordings of the same user, by factory or session identity, and by name',
  async t => {
    const running = wish({ uri: `${HISTORY};history-type=session;filename=a` })
    const means = (asking: Asking, identity?: string) =>
      isMeant(referral({ method: 'BYE', ...asking }), running, identity)
    t.ok(means({}))
    t.ok(means({ uri: `${HISTORY};filename=a` }))
    t.notOk(means({ uri: `${HISTORY};filename=b` }), 'another name')
    t.notOk(means({ initiator: 'sip:bob@example.org' }), 'of another user')
    t.notOk(means({ referTo: 'sip:room@conf.example.org' }), 'before the focus has said its name')
    t.ok(means({ referTo: 'sip:room@conf.example.org' }, 'sip:room@conf.example.org;transport=tcp'))
    t.notOk(means({ referTo: 'sip:room@elsewhere.example' }, 'sip:room@conf.example.org'))
  },
)
