import t from 'tap'
import { readXml } from './content/xml-read.ts'
import { value } from './sip-parser-lite/access.ts'
import { BOB, type Scenario, say, scenario } from './testing/scenario.ts'
import { type Watch, type WatchOptions, watching } from './testing/watch.ts'

/** Nothing is pushed, so that what waits stays. */
const HISTORY_ON = '[delivery]\nactive_default = false\n[xcap]\nroot = "https://xcap.example.org/"\n'
const OFF = `${HISTORY_ON}[history]\nenabled = false\n`
const LIST = 'org.openmobilealliance.deferred-list/users/sip:bob@example.org/deferred-list'
const HISTORY = 'org.openmobilealliance.conv-history/users/sip:bob@example.org/conv-history'
const SETTINGS = 'org.openmobilealliance.im-service-settings/users/sip:bob@example.org/im-settings'
const LIST_TYPE = 'application/vnd.oma.im.deferred-list+xml'

const listing = (...uris: string[]): Pick<WatchOptions, 'headers' | 'body'> => ({
  headers: [['Content-Type', 'application/resource-lists+xml']],
  body: `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${uris.map(uri => `<entry uri="${uri}"/>`).join('')}</list></resource-lists>`,
})

const subscribe = (run: Scenario, options: WatchOptions = {}): Watch =>
  watching(run, run.bob, { event: 'xcap-diff', ...options })

/** Selector, and the entity-tags before and after, of each document of each NOTIFY. */
const told = (watch: Watch): string[][] =>
  watch.bodies.map(body =>
    readXml(Buffer.from(body)).root.children.map(({ attributes }) => {
      const of = (name: string): string => attributes.find(one => one.name === name)?.value ?? ''
      const tag = (name: string): string => of(name).replace(/-[0-9a-z]+$/, '')
      return `${of('sel') === LIST ? 'list' : of('sel')} ${tag('previous-etag')}>${tag('new-etag')}`
    }),
  )

const last = (watch: Watch): readonly string[] | undefined => told(watch).at(-1)

function store(run: Scenario): void {
  const { world, box } = run
  const { version = 0 } = world.ask(box, 'settings.get', { aor: BOB }) ?? {}
  const document = Buffer.from('<im-settings xmlns="urn:oma:xml:im:service-settings"/>')
  const stored = { chosen: {}, document, modifiedAt: world.clock.now().wall, revision: version + 1 }
  world.ask(box, 'settings.put', { aor: BOB, version, settings: { stored, published: [] } })
}

const deleteFirst = ({ world, box }: Scenario): void => {
  const [first] = world.ask(box, 'mailbox', { aor: BOB, afterSeq: 0, limit: 1 })
  world.ask(box, 'delete', { aor: BOB, seq: first!.seq, at: world.clock.now().wall, detail: '' })
}

t.test('DM-STO-14, RFC 5875: which documents there are, and then which are others than before', async t => {
  const run = scenario('diff', { config: OFF })
  say(run, ['one'])
  const watch = subscribe(run)
  t.equal(watch.status, 200)
  t.equal(value(watch.told[0]!, 'content-type'), 'application/xcap-diff+xml')
  t.match(
    watch.bodies[0],
    /<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="https:\/\/xcap\.example\.org\/">/,
  )
  t.strictSame(told(watch), [['list >1-1']], 'there are no settings yet')
  say(run, ['two', 'three'])
  run.world.pass(6000)
  t.equal(last(watch)!.length, 1)
  t.match(last(watch), [/>3-3$/])
  t.equal(
    told(watch)
      .flat()
      .slice(1)
      .every((line, at, all) => at === 0 || line.includes(` ${all[at - 1]!.split('>')[1]}>`)),
    true,
    'each goes on from the one before',
  )
  store(run)
  run.world.pass(6000)
  t.strictSame(last(watch), [`${SETTINGS} >1`])
  const before = watch.told.length
  deleteFirst(run)
  run.world.pass(6000)
  t.strictSame(last(watch), ['list 3-3>2-3'])
  t.equal(watch.told.length, before + 1)
  run.bob.act(now => watch.refresh(now, 600))
  run.world.pass(6000)
  t.strictSame(last(watch), ['list >2-3', `${SETTINGS} >1`], 'a refresh says how things stand')
  run.bob.act(now => watch.refresh(now, 0))
  run.world.pass(6000)
  t.match(watch.standing, /^terminated/)
})

t.test('RFC 5875: conv-history is told as other than before when an item joins it or leaves', async t => {
  const run = scenario('history', { config: `${HISTORY_ON}[history]\nactive_default = true\n` })
  const watch = subscribe(run, listing(HISTORY))
  t.match(last(watch), [new RegExp(`^${HISTORY} >`)])
  const passed = (change: () => void): void => {
    const before = last(watch)![0]!.split('>')[1]
    const tell = watch.told.length
    change()
    run.world.pass(6000)
    t.equal(watch.told.length, tell + 1)
    t.match(last(watch)![0], ` ${before}>`, 'it goes on from the one before')
  }
  const { world, box } = run
  const first = () => world.ask(box, 'history.list', { aor: BOB, filter: {}, order: 'oldest', limit: 1 }).entries[0]!
  passed(() => say(run, ['one', 'two']))
  passed(() => world.ask(box, 'history.remove', { aor: BOB, reference: first().reference }))
  passed(() => world.ask(box, 'history.erase', { aor: BOB, limit: 9 }))
  const before = watch.told.length
  world.ask(box, 'history.erase', { aor: BOB, limit: 9 })
  run.world.pass(6000)
  t.equal(watch.told.length, before, 'nothing was there')
})

t.test('RFC 5875 4.4: documents, collections and parts of one’s own; others are passed over', async t => {
  const run = scenario('asked', { config: OFF })
  say(run, ['one'])
  store(run)
  const asked = (...uris: string[]) => last(subscribe(run, { expiresS: 0, ...listing(...uris) }))
  const [list, settings] = ['list >1-1', `${SETTINGS} >1`]
  t.strictSame(asked(LIST), [list])
  t.strictSame(asked(`https://xcap.example.org/${LIST}`, SETTINGS), [list, settings])
  const escaped = LIST.replace('sip:bob@', 'sip%3Abob%40')
  t.strictSame(asked(escaped), [`${escaped} >1-1`], 'RFC 5875 4.6: as it was asked for')
  t.strictSame(asked('org.openmobilealliance.deferred-list/'), [list])
  t.strictSame(asked('org.openmobilealliance.im-service-settings/users/sip:bob@example.org/'), [settings])
  t.strictSame(asked(`${LIST}/~~/history-list`), [list])
  for (const other of [
    'org.openmobilealliance.deferred-list',
    LIST.replace('bob', 'alice'),
    `${LIST}/`,
    'x',
    '/',
    'org.openmobilealliance.deferred-list/users/%25/deferred-list',
  ])
    t.strictSame(asked(other), [], other)
  t.strictSame(asked(), [])
})

t.test('DM-STO-14: nobody but the owner is told, and what cannot be read is refused', async t => {
  const run = scenario('refused', { config: OFF })
  const status = (options: WatchOptions): number | undefined => subscribe(run, options).status
  for (const event of ['xcap-diff', 'ua-profile', 'sip-profile'])
    t.equal(status({ event, resource: 'sip:alice@example.org' }), 403, event)
  t.equal(status({ headers: [['Content-Type', 'text/plain']], body: 'x' }), 415)
  t.equal(status({ ...listing(), body: '<resource-lists' }), 400)
  t.equal(status({ ...listing(), body: '<!DOCTYPE a><a/>' }), 400)
  t.equal(status(listing('%')), 400)
  t.equal(status(listing('a b')), 400)
  t.equal(status(listing('x'.repeat(5000))), 413)
  t.equal(status({ headers: [['Accept', 'text/plain']] }), 406)
  t.equal(status({ event: 'sip-profile', ...listing(LIST) }), 415)
})

t.test('DM-STO-14: subscriptions survive a restart, and are told what changed meanwhile', async t => {
  const run = scenario('restart', { config: OFF })
  say(run, ['one'])
  const watch = subscribe(run)
  run.box.crashFor(1000)
  run.world.pass(60_000)
  const before = told(watch).flat()
  say(run, ['two'])
  run.world.pass(6000)
  t.strictSame(last(watch), ['list 1-1>2-2'])
  t.strictSame(before, ['list >1-1', 'list >1-1'], 'how things stand, as nobody knows what was heard')
})

for (const event of ['ua-profile', 'sip-profile'])
  t.test(`DM-STO-14, RFC 6080: ${event} tells the list itself`, async t => {
    const run = scenario(event, { config: OFF })
    say(run, ['one'])
    const headers: WatchOptions['headers'] = [['Accept', LIST_TYPE]]
    const watch = subscribe(run, { event, headers })
    t.equal(value(watch.told[0]!, 'content-type'), LIST_TYPE)
    const entries = () => readXml(watch.told.at(-1)!.body).root.children.length
    t.equal(entries(), 1)
    say(run, ['two', 'three'])
    run.world.pass(6000)
    t.equal(entries(), 3)
    const before = watch.told.length
    store(run)
    run.world.pass(6000)
    t.equal(watch.told.length, before, 'the list is as before')
    deleteFirst(run)
    run.world.pass(6000)
    t.equal(entries(), 2)
  })

t.test('RFC 4483: a list too long for a NOTIFY is named, or not told at all', async t => {
  const run = scenario('long', { config: OFF })
  const subject = `Subject: ${'x'.repeat(2000)}`
  for (let number = 0; number < 30; number++) {
    const sent = run.alice.message({ to: BOB, body: 'x', hasCredentials: true, headers: [['Subject', subject]] })
    run.world.until(() => sent.status === 202, 'kept')
  }
  const both: WatchOptions['headers'] = [['Accept', `${LIST_TYPE}, message/external-body`]]
  const named = subscribe(run, { event: 'ua-profile', headers: both })
  t.equal(
    value(named.told[0]!, 'content-type'),
    `message/external-body; access-type="URL"; URL="https://xcap.example.org/${LIST}"`,
  )
  t.equal(named.bodies[0], `Content-Type: ${LIST_TYPE}\r\n\r\n`)
  const alone = subscribe(run, { event: 'ua-profile', headers: [['Accept', LIST_TYPE]] })
  t.strictSame(alone.bodies, [''])
})

t.test('DM-STO-14: with another document server the host is told of every mailbox that changes', async t => {
  const run = scenario('xdms', { config: `${OFF}[xdms]\nroot = "http://10.0.0.9/services/"\n` })
  say(run, ['one', 'two'])
  run.world.pass(1000)
  t.ok(run.box.mailboxesChanged.length > 0)
  t.strictSame([...new Set(run.box.mailboxesChanged)], [BOB])
  const without = scenario('xdms', { config: OFF })
  say(without, ['one'])
  without.world.pass(1000)
  t.strictSame(without.box.mailboxesChanged, [])
})
