import t from 'tap'
import { BOB, say, scenario, waitingFor } from '../testing/scenario.ts'

t.test(
  'RFC 3261 8.2, 21.4.1: a malformed header is 400 with its name, wherever the receiver is, and blocks nobody',
  async t => {
    const MALFORMED: [string, string][] = [
      ['Expires', '-1x'],
      ['Content-Type', ';;;"'],
    ]
    for (const phone of ['absent', 'busy', 'silent'] as const) {
      const run = scenario(`malformed ${phone}`)
      if (phone !== 'absent') run.bob.register({})
      run.world.pass(1000)
      run.bob.phone.behaviour.message = () => (phone === 'busy' ? 486 : 'silence')
      for (const header of MALFORMED) {
        const sent = run.alice.message({ to: BOB, body: 'x', headers: [header] })
        run.world.pass(60_000)
        t.equal(sent.status, 400, `${phone}, ${header[0]}`)
      }
      t.same(say(run, ['well-formed']), [202], phone)
      t.equal(waitingFor(run).length, 1)
    }
  },
)

t.test('a message with as many headers as may be is kept and pushed in both forms', async t => {
  for (const isInstantMessaging of [true, false]) {
    const run = scenario(`headers ${isInstantMessaging}`)
    const headers = Array.from({ length: 240 }, (_, index): [string, string] => [`X-Header-${index}`, String(index)])
    const sent = run.alice.message({ to: BOB, body: 'many headers', headers })
    run.world.pass(2000)
    t.equal(sent.status, 202)
    run.bob.register({ isInstantMessaging })
    run.world.pass(5000)
    t.same(run.bob.texts, ['many headers'])
  }
})

t.test('RFC 3261 11.2: OPTIONS for a user whose registration has lapsed is 480', async t => {
  const run = scenario('lapsed')
  run.bob.register({ expiresS: 60 })
  run.world.pass(1000)
  const ask = (): number | undefined => {
    let status: number | undefined
    const request = run.alice.phone.request('OPTIONS', BOB, `<${BOB}>`)
    run.alice.act(now => run.alice.phone.ask(now, request, (_then, response) => (status = response?.status)))
    run.world.pass(2000)
    return status
  }
  t.equal(ask(), 200)
  run.world.pass(120_000)
  t.equal(ask(), 480)
})

t.test('RFC 3261 11.2: OPTIONS to a function of the box says that it is there, as an INVITE would be told', async t => {
  const ask = (uri: string, config = ''): number | undefined => {
    const run = scenario(`function ${uri} ${config}`, { config })
    let status: number | undefined
    const request = run.alice.phone.request('OPTIONS', uri, `<${uri}>`)
    run.alice.act(now => run.alice.phone.ask(now, request, (_then, response) => (status = response?.status)))
    run.world.pass(2000)
    return status
  }
  t.equal(ask('sip:history@example.org'), 200)
  t.equal(ask('sip:deferred@example.org'), 200)
  t.equal(ask('sip:nobody@example.org'), 404)
  t.equal(ask('sip:history@example.org', '[history]\nenabled = false\n'), 404, 'switched off')
})
