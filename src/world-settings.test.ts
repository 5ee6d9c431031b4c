import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import { chosenSettings, NO_SETTINGS, type SettingsRecord } from './store/settings.ts'
import { etagOf, publish, settingsOf, startPublish } from './testing/publish.ts'
import { ALICE, BOB, CAROL, type Scenario, say, scenario, texts, waitingFor } from './testing/scenario.ts'

const settings = ({ world, box }: Scenario): SettingsRecord =>
  world.ask(box, 'settings.get', { aor: BOB }) ?? NO_SETTINGS

const pushes = (run: Scenario): boolean | undefined => chosenSettings(settings(run)).offlineDelivery

/** As a command does it. */
function store(run: Scenario, offlineDelivery: boolean | undefined): void {
  const { version, published } = settings(run)
  const chosen = offlineDelivery === undefined ? {} : { offlineDelivery }
  const modifiedAt = run.world.clock.now().wall
  const stored = {
    chosen,
    document: Buffer.from(settingsOf(offlineDelivery ?? true)),
    modifiedAt,
    revision: version + 1,
  }
  const reply = run.world.ask(run.box, 'settings.put', { aor: BOB, version, settings: { published, stored } })
  if (reply !== 'saved') throw new Error(reply)
}

const arrive = ({ world, bob }: Scenario, ms = 5000): void => {
  bob.register({ isInstantMessaging: true })
  world.pass(ms)
}

t.test('DM-DLV-02: with offline delivery off nothing is pushed, and everything waits', async t => {
  const run = scenario('off')
  t.equal(publish(run, run.bob, { body: settingsOf(false) }).status, 200)
  t.same(say(run, texts(3)), [202, 202, 202])
  arrive(run, 600_000)
  t.same(run.bob.arrived, [])
  t.same(run.bob.phone.inbox.invites, [])
  t.equal(waitingFor(run).length, 3)
})

t.test('DM-DLV-03: off to on while the user is registered starts delivery at once', async t => {
  const run = scenario('on again')
  const etag = etagOf(publish(run, run.bob, { body: settingsOf(false) }))
  say(run, texts(3))
  arrive(run)
  t.same(run.bob.texts, [])
  t.equal(publish(run, run.bob, { body: settingsOf(true), etag }).status, 200)
  run.world.pass(3000)
  t.same(run.bob.texts, texts(3))
})

t.test('DM-DLV-03, Appendix E: what a command writes counts as well, and the last writer wins', async t => {
  const run = scenario('two ways')
  publish(run, run.bob, { body: settingsOf(false) })
  say(run, texts(2))
  arrive(run)
  store(run, true)
  run.world.pass(3000)
  t.same(run.bob.texts, texts(2), 'written after the publication')
  publish(run, run.bob, { body: settingsOf(false) })
  t.equal(pushes(run), false, 'published after that')
  store(run, undefined)
  t.equal(pushes(run), undefined, 'and given back to the box')
})

t.test('delivery.active_default decides for who never decided', async t => {
  const run = scenario('default', { config: '[delivery]\nactive_default = false\n' })
  say(run, texts(2))
  arrive(run)
  t.same(run.bob.arrived, [])
  publish(run, run.bob, { body: settingsOf(true) })
  run.world.pass(3000)
  t.same(run.bob.texts, texts(2))
})

t.test('DM-DLV-02: who is there gets live messages, though older ones wait to be fetched', async t => {
  const run = scenario('live')
  publish(run, run.bob, { body: settingsOf(false) })
  say(run, ['kept'])
  arrive(run)
  t.same(say(run, ['live']), [200])
  t.same(run.bob.texts, ['live'])
  t.same(waitingFor(run).length, 1)
  run.bob.phone.behaviour.message = () => 486
  t.same(say(run, ['busy']), [202])
  run.world.pass(600_000)
  t.same(run.bob.texts, ['live'], 'what was kept meanwhile is not pushed either')
  t.same(waitingFor(run).length, 2)
})

t.test(
  'DM-DLV-02: on to off during a push: what is on the way ends, the rest stays; on again: the rest comes, nothing twice',
  async t => {
    for (const form of ['msrp', 'message'] as const) {
      const run = scenario(`during ${form}`, { config: `[delivery]\nprofile = "${form}"\n` })
      say(run, texts(60))
      if (form === 'message') run.bob.phone.behaviour.message = () => ({ status: 200, afterMs: 50 })
      run.bob.register({ isInstantMessaging: true })
      run.world.until(() => run.bob.texts.length >= 3, 'the push is on its way')
      store(run, false)
      run.world.pass(60_000)
      const before = run.bob.texts.length
      t.ok(before >= 3 && before < 60, `${before} of 60 by ${form}`)
      t.same(waitingFor(run).length, 60 - before)
      t.equal(run.bob.calls.filter(({ ended }) => ended === undefined).length, 0, 'the session is over')
      store(run, true)
      run.world.pass(10_000)
      t.same(run.bob.texts, texts(60))
      t.same(waitingFor(run), [])
    }
  },
)

t.test('off and on again while the push still ends: it goes on', async t => {
  const run = scenario('flicker')
  say(run, texts(60))
  run.bob.register({ isInstantMessaging: true })
  run.world.until(() => run.bob.texts.length >= 3, 'the push is on its way')
  store(run, false)
  store(run, true)
  run.world.pass(10_000)
  t.same(run.bob.texts, texts(60))
})

t.test('off at any moment of a push, then on: all arrives, once and in order', async t => {
  for (let step = 1; step <= 40; step++) {
    const run = scenario(`step ${step}`)
    say(run, texts(8))
    run.bob.register({ isInstantMessaging: true })
    for (let i = 0; i < step * 3; i++) run.world.step()
    store(run, false)
    run.world.pass(2000)
    const before = run.bob.texts.length
    run.world.pass(60_000)
    t.equal(run.bob.texts.length, before, `step ${step}: nothing more while it is off`)
    store(run, true)
    run.world.pass(10_000)
    t.same(run.bob.texts, texts(8), `step ${step}`)
  }
})

t.test('RFC 3903 4.5, 6: a publication ends: the stored default stands again, and delivery begins', async t => {
  const run = scenario('expires')
  const response = publish(run, run.bob, { body: settingsOf(false), expiresS: 60 })
  t.equal(value(response, 'expires'), '60')
  say(run, texts(2))
  arrive(run)
  t.same(run.bob.texts, [])
  run.world.pass(60_000)
  t.same(run.bob.texts, texts(2))
  t.same(settings(run).published, [])
})

t.test('RFC 3903: a publication that expires during a push ends the push', async t => {
  const run = scenario('expires in a push', { config: '[delivery]\nprofile = "message"\n' })
  store(run, false)
  publish(run, run.bob, { body: settingsOf(true), expiresS: 60 })
  run.bob.phone.behaviour.message = () => ({ status: 200, afterMs: 2000 })
  say(run, texts(60))
  run.world.pass(20_000)
  run.bob.register()
  run.world.pass(120_000)
  const { length } = run.bob.texts
  t.ok(length > 0 && length < 60, `${length} of 60`)
  t.equal(waitingFor(run).length, 60 - length)
})

t.test('RFC 3903 4.1..4.4: refresh, modify, remove, and tags that do not fit', async t => {
  const run = scenario('rfc 3903')
  const first = etagOf(publish(run, run.bob, { body: settingsOf(false) }))
  const refreshed = publish(run, run.bob, { etag: first })
  t.equal(refreshed.status, 200)
  t.not(etagOf(refreshed), first)
  t.equal(publish(run, run.bob, { etag: first }).status, 412)
  t.equal(pushes(run), false)
  const modified = publish(run, run.bob, { etag: etagOf(refreshed), body: settingsOf(true), event: 'poc-settings' })
  t.equal(pushes(run), true)
  t.equal(publish(run, run.bob, { etag: etagOf(modified), expiresS: 0 }).status, 200)
  t.equal(pushes(run), undefined)
  t.same(settings(run).published, [])
})

t.test('a refresh is no write: what a command wrote after the publication stands', async t => {
  const run = scenario('refresh')
  const first = publish(run, run.bob, { body: settingsOf(false) })
  store(run, true)
  t.equal(publish(run, run.bob, { etag: etagOf(first) }).status, 200)
  t.equal(pushes(run), true)
})

t.test('PUBLISH: 400 with the place, 403 for others, 404, 413, 415, 423, 481, 489', async t => {
  const run = scenario('refusals')
  const bad = publish(run, run.bob, { body: '<a>\n<b></a>' })
  t.equal(bad.status, 400)
  t.match(bad.reason, /^line 2, column \d+: /)
  const wrong = publish(run, run.bob, { body: settingsOf(true).replace('"true"', '"maybe"') })
  t.match(wrong.reason, /active is neither true nor false/)
  t.match(publish(run, run.bob, { body: '<!DOCTYPE a [<!ENTITY b "c">]><a/>' }).reason, /document type is not taken/)
  t.equal(publish(run, run.alice, { body: settingsOf(false) }).status, 403)
  t.equal(publish(run, run.bob, { body: settingsOf(false), uri: CAROL }).status, 403)
  t.equal(publish(run, run.bob, { body: settingsOf(false), uri: 'sip:x@elsewhere.example' }).status, 403)
  t.equal(publish(run, run.bob, { body: ' '.repeat(8200) }).status, 413)
  const type = publish(run, run.bob, { body: settingsOf(true), contentType: 'application/sdp' })
  t.equal(type.status, 415)
  t.match(value(type, 'accept'), /application\/im-settings\+xml/)
  const brief = publish(run, run.bob, { body: settingsOf(true), expiresS: 59 })
  t.equal(brief.status, 423)
  t.equal(value(brief, 'min-expires'), '60')
  const event = publish(run, run.bob, { body: settingsOf(true), event: 'presence' })
  t.equal(event.status, 489)
  t.match(value(event, 'allow-events'), /im-settings/)
  t.same(settings(run), NO_SETTINGS)
  const stranger = run.world.phone('bob', { password: null, address: '10.0.9.9' })
  const challenged = publish(run, stranger, { body: settingsOf(false) })
  t.equal(challenged.status, 401)
})

t.test(
  'two devices publish: the later write stands, and when it ends the other one; a fifth takes the place of the first',
  async t => {
    const run = scenario('two devices')
    const second = run.world.phone('bob', { address: '10.0.9.9' })
    publish(run, run.bob, { body: settingsOf(false), expiresS: 3600 })
    publish(run, second, { body: settingsOf(true), expiresS: 60 })
    t.equal(pushes(run), true)
    run.world.pass(61_000)
    t.equal(pushes(run), false)
    for (let i = 0; i < 5; i++) {
      publish(run, second, { body: settingsOf(true) })
      run.world.pass(2000)
    }
    t.equal(settings(run).published.length, 4)
  },
)

t.test('two writers at the same moment: both are answered 200, both are there, and one of them stands', async t => {
  for (let run = 0; run < 10; run++) {
    const one = scenario(`two writers ${run}`)
    const second = one.world.phone('bob', { address: '10.0.9.9' })
    publish(one, one.bob, { body: settingsOf(true) })
    publish(one, second, { body: settingsOf(true) })
    const [a, b] = [
      startPublish(one.bob, { body: settingsOf(false) }),
      startPublish(second, { body: settingsOf(true) }),
    ]
    one.world.until(() => a.response !== undefined && b.response !== undefined, 'both answered')
    t.same([a.response?.status, b.response?.status], [200, 200])
    const { published } = settings(one)
    t.equal(published.length, 4)
    t.equal(new Set(published.map(({ revision }) => revision)).size, 4)
  }
})

t.test('settings survive a restart, and a publication that ended meanwhile is over', async t => {
  const run = scenario('restart')
  store(run, false)
  publish(run, run.bob, { body: settingsOf(true), expiresS: 60 })
  run.box.crashFor(1000)
  run.world.until(() => run.box.isUp, 'it is up again')
  t.equal(pushes(run), true)
  run.box.crashFor(120_000)
  run.world.until(() => run.box.isUp, 'it is up again', 200_000)
  run.world.pass(15_000)
  t.equal(pushes(run), false)
  t.same(settings(run).published, [])
})

t.test('power lost at any step of a PUBLISH: what was answered 200 stands', async t => {
  for (let count = 1; count <= 30; count++) {
    const run = scenario(`crash ${count}`)
    run.box.plan = { after: 'step', count, downMs: 500 }
    const answer = startPublish(run.bob, { body: settingsOf(false) })
    run.world.until(() => answer.response !== undefined, 'an answer or none')
    run.box.plan = undefined
    run.world.until(() => run.box.isUp, 'it is up')
    if (answer.response!.status === 200) t.equal(pushes(run), false, `step ${count}`)
  }
})

t.test('behind a core: published for whom the core asserts, and for nobody else', async t => {
  const run = scenario('core', {
    config: '[core]\nroute = "sip:10.0.7.7"\n[auth]\ntrusted_peers = ["10.0.7.7"]\n',
  })
  const core = run.world.phone('core', { password: null, address: '10.0.7.7' })
  const publishAs = (asserted: string | undefined) => {
    const answer: { status?: number } = {}
    core.act(now => {
      const request = core.phone.request('PUBLISH', 'sip:dave@example.org', '<sip:dave@example.org>', `<${ALICE}>`)
      request.headers.push({ name: 'Event', key: 'event', value: 'im-settings' })
      request.headers.push({ name: 'Content-Type', key: 'content-type', value: 'text/xml' })
      if (asserted) request.headers.push({ name: 'P-Asserted-Identity', key: 'p-asserted-identity', value: asserted })
      request.body = Buffer.from(settingsOf(false))
      core.phone.ask(now, request, (_then, response) => {
        answer.status = response?.status ?? 408
      })
    })
    run.world.until(() => answer.status !== undefined, 'an answer')
    return answer.status
  }
  t.equal(publishAs('<sip:dave@example.org>'), 200)
  t.equal(publishAs('<sip:erin@example.org>'), 403)
  t.equal(publishAs(undefined), 403)
  const record = run.world.ask(run.box, 'settings.get', { aor: 'sip:dave@example.org' })
  t.same(record && chosenSettings(record), { offlineDelivery: false })
})
