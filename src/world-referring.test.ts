import t from 'tap'
import { addLast, set, value, values } from './sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from './sip-parser-lite/message.ts'
import { HISTORY, type RecordingScenario, recordingScenario, refer } from './testing/recorded.ts'
import type { ReferOptions } from './testing/referring.ts'
import { ALICE, BOB } from './testing/scenario.ts'
import type { SimulatedPhone } from './testing/simulated-phone.ts'

function answerTo(run: RecordingScenario, phone: SimulatedPhone, options: Partial<ReferOptions> = {}): SipResponse {
  const referring = refer(run, phone, options)
  run.world.until(() => referring.status !== undefined, 'an answer')
  return referring.answer!
}

/** Another request of that phone to the box, as `change` makes it. */
function asked(run: RecordingScenario, method: string, change: (request: SipRequest) => void, uri = HISTORY) {
  const { phone } = run.alice
  let answer: SipResponse | undefined
  run.alice.act(now => {
    const request = phone.request(method, uri, `<${uri}>`)
    change(request)
    phone.ask(now, request, (_then, response) => {
      answer = response
    })
  })
  run.world.until(() => answer !== undefined, 'an answer')
  return answer!
}

t.test('HIS-REF-01: who does not say who they are is asked, and whoever cannot say is refused', async t => {
  const run = recordingScenario('identity')
  const claimed = answerTo(run, run.world.phone('mallory', { password: null }), { from: `<${ALICE}>` })
  t.equal(claimed.status, 401)
  t.match(value(claimed, 'www-authenticate'), /^Digest /)
  const stranger = run.world.phone('mallory', { password: null, domain: 'elsewhere.example' })
  t.equal(answerTo(run, stranger).status, 403)
  run.world.pass(1000)
  t.equal(run.focus.focus.invites.length, 0)
})

t.test('HIS-REF-01: in a core, who P-Asserted-Identity says', async t => {
  const run = recordingScenario('asserted', { config: '[auth]\ntrusted_peers = ["10.0.0.0/8"]' })
  t.equal(answerTo(run, run.alice).status, 403, 'none')
  for (const identity of ['<sip:dora@elsewhere.example>', '<tel:+15551234>', '<<>>'])
    t.equal(answerTo(run, run.alice, { headers: [['P-Asserted-Identity', identity]] }).status, 403, identity)
  t.equal(answerTo(run, run.alice, { headers: [['P-Asserted-Identity', `<${ALICE}>`]] }).status, 202)
})

t.test('HIS-REF-02: Accept-Contact names instant messaging, however it is written', async t => {
  const run = recordingScenario('accept-contact')
  const without = [null, '*;+g.oma.sip-im.large-message', '*;+g.oma.sip-im=FALSE', '*;audio']
  for (const acceptContact of without)
    t.equal(answerTo(run, run.alice, { acceptContact }).status, 403, `${acceptContact}`)
  t.equal(answerTo(run, run.alice, { acceptContact: ';;' }).status, 400)
  const headers = [['a', '*;audio, *;+G.OMA.SIP-IM="TRUE";explicit']] as const
  t.equal(answerTo(run, run.alice, { acceptContact: null, headers }).status, 202)
})

t.test('HIS-REF-04, HIS-REF-05: every answer has Server and Allow', async t => {
  const run = recordingScenario('headers')
  const answers = [
    answerTo(run, run.world.phone('mallory', { password: null }), { from: `<${ALICE}>` }),
    answerTo(run, run.alice, { acceptContact: null }),
    answerTo(run, run.alice, { referTo: [] }),
    answerTo(run, run.alice, { referTo: '<tel:+15551234>' }),
    answerTo(run, run.alice, { referTo: '<sip:factory@10.0.2.3;method=REFER>' }),
    answerTo(run, run.alice, { to: BOB }),
    answerTo(run, run.alice, { headers: [['Require', 'magic']] }),
    answerTo(run, run.alice),
  ]
  t.same(
    answers.map(({ status }) => status),
    [401, 403, 400, 416, 405, 403, 420, 202],
  )
  for (const answer of answers) {
    t.match(value(answer, 'server'), /^IM-serv\/OMA1\.0/, String(answer.status))
    t.ok(values(answer, 'allow').includes('REFER'), String(answer.status))
    t.ok(values(answer, 'allow').includes('NOTIFY'), String(answer.status))
  }
})

t.test('RFC 4488: norefersub may be required, and is then what it says', async t => {
  const run = recordingScenario('norefersub')
  const quiet = refer(run, run.alice, {
    headers: [
      ['Require', 'norefersub'],
      ['Refer-Sub', 'false'],
    ],
  })
  run.world.until(() => quiet.status !== undefined, 'an answer')
  t.equal(quiet.status, 202)
  t.equal(value(quiet.answer!, 'refer-sub'), 'false')
  run.world.until(() => run.focus.focus.invites.length === 1, 'the INVITE')
  run.world.pass(40_000)
  t.same(quiet.told, [])
  t.ok(
    values(
      asked(run, 'OPTIONS', () => {}, 'sip:example.org'),
      'supported',
    ).includes('norefersub'),
  )
})

t.test('REFER is for us alone: what is for others goes nowhere', async t => {
  const run = recordingScenario('others')
  t.equal(answerTo(run, run.alice, { to: 'sip:dora@elsewhere.example' }).status, 403)
  t.equal(answerTo(run, run.alice, { to: 'sip:example.org' }).status, 404)
  t.equal(answerTo(run, run.alice, { to: `${HISTORY};filename=${'x'.repeat(2000)}` }).status, 414)
  t.equal(asked(run, 'REFER', request => set(request, 'To', `<${HISTORY}>;tag=none`)).status, 481)
  run.world.pass(1000)
  t.equal(run.focus.focus.invites.length, 0)
})

t.test('RFC 6665 4.1.3: a NOTIFY that belongs to no subscription', async t => {
  const run = recordingScenario('stray')
  const body = (request: SipRequest) => {
    addLast(request, 'Event', 'conference')
    addLast(request, 'Subscription-State', 'active')
  }
  t.equal(asked(run, 'NOTIFY', body).status, 481)
  const within = asked(run, 'NOTIFY', request => {
    body(request)
    set(request, 'To', `<${HISTORY}>;tag=none`)
  })
  t.equal(within.status, 481)
})

t.test('a REFER when the box is stopping', async t => {
  const run = recordingScenario('stopping')
  run.box.stop()
  t.equal(answerTo(run, run.alice).status, 503)
})
