import t from 'tap'
import { udpFlow } from './base/flow.ts'
import { RFC4475 } from './sip-parser-lite/fixtures/rfc4475.fixture.ts'
import { World } from './testing/world.ts'

/** What a box for example.com with the accounts `user` and `j.user`, no digest, and nobody registered answers; 0 is silence. */
const ANSWERS: Readonly<Record<string, number>> = {
  // 3.1.1: fit to be processed, each for what it asks.
  wsinv: 481,
  intmeth: 501,
  esc01: 403,
  escnull: 404,
  esc02: 501,
  lwsdisp: 480,
  longreq: 480,
  dblreq: 200,
  semiuri: 404,
  transports: 480,
  mpart01: 403,
  unreason: 0,
  noreason: 0,
  // 3.1.2: malformed.
  badinv01: 400,
  clerr: 400,
  ncl: 400,
  scalar02: 400,
  scalarlg: 0,
  quotbal: 400,
  ltgtruri: 400,
  lwsruri: 400,
  lwsstart: 400,
  trws: 400,
  escruri: 400,
  baddate: 480,
  regbadct: 400,
  badaspec: 400,
  baddn: 400,
  badvers: 505,
  mismatch01: 400,
  mismatch02: 400,
  bigcode: 0,
  // 3.2 to 3.4: odd in what they mean.
  badbranch: 480,
  insuf: 400,
  unkscm: 416,
  novelsc: 416,
  unksm2: 400,
  bext01: 420,
  invut: 480,
  regaut01: 200,
  multi01: 400,
  mcl01: 400,
  bcast: 0,
  zeromf: 483,
  cparam01: 404,
  cparam02: 404,
  regescrt: 200,
  sdp01: 480,
  inv2543: 404,
}

/** Where the box is not the element that the RFC speaks of. */
const NOT_THAT_ELEMENT: Readonly<Record<string, string>> = {
  regaut01: 'without digest nobody is asked for credentials',
  invut: 'a proxy does not read the body of a call, and the callee is away',
  sdp01: 'a proxy does not judge Accept of a call, and the callee is away',
}

function answersTo(message: Buffer, config: string, seed: string): number[] {
  const world = new World(seed)
  const box = world.appliance({ domain: 'example.com', users: ['user:user', 'j.user:user'], config })
  const answers: number[] = []
  world.network.onTransmit = (_from, _flow, bytes) => {
    const status = /^SIP\/2\.0 (\d{3}) /.exec(bytes.toString('latin1', 0, 12))?.[1]
    answers.push(status === undefined ? -1 : Number(status))
  }
  box.inject(udpFlow({ address: '10.0.0.1', port: 5060 }, { address: '192.0.2.1', port: 5060 }), message)
  world.pass(40_000)
  t.ok(box.isUp)
  return [...new Set(answers.filter(status => status < 100 || status >= 200))]
}

t.test('RFC 4475: each of the 49 messages gets its answer from the whole engine, or none', async t => {
  t.equal(RFC4475.length, 49)
  t.same(Object.keys(ANSWERS).sort(), RFC4475.map(({ name }) => name).sort())
  for (const { name, section, message } of RFC4475) {
    const wanted = ANSWERS[name] === 0 ? [] : [ANSWERS[name]]
    t.same(answersTo(message, '[auth]\ndigest = false', name), wanted, `RFC 4475 ${section} ${name}`)
  }
})

t.test('RFC 4475: these answers are those that the RFC wants', async t => {
  for (const { name, section, outcome } of RFC4475) {
    const status = ANSWERS[name] ?? Number.NaN
    const text = `RFC 4475 ${section} ${name}`
    if (NOT_THAT_ELEMENT[name] !== undefined) continue
    if (outcome.kind === 'refused') t.ok(outcome.statuses.includes(status), text)
    else if (outcome.kind === 'dropped') t.equal(status, 0, text)
    else t.notOk(status === 400 || status >= 500, text)
  }
})

t.test('RFC 4475 3.3.7: with digest an authorization of a scheme nobody knows is challenged', async t => {
  const { message } = RFC4475.find(({ name }) => name === 'regaut01')!
  t.same(answersTo(message, '', 'regaut01'), [401])
})

t.test('RFC 4475: all of them one after the other over one connection harm nobody else', async t => {
  const world = new World('all')
  world.appliance({ domain: 'example.com', users: ['user:user'] })
  const alice = world.phone('alice', { password: null })
  for (const { message } of RFC4475) alice.act(now => alice.phone.raw(now, message))
  world.pass(1000)
  const options = alice.act(now => {
    const request = alice.phone.request('OPTIONS', 'sip:example.com', '<sip:example.com>')
    let status: number | undefined
    alice.phone.ask(now, request, (_then, response) => {
      status = response?.status
    })
    return () => status
  })
  world.until(() => options() !== undefined, 'an answer to OPTIONS')
  t.equal(options(), 200)
})
