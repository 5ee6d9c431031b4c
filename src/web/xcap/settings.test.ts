import t, { type Test } from 'tap'
import { BOB_AOR } from '../../testing/store-fixtures.ts'
import { type Asking, SETTINGS, serveXcap } from './xcap.fixture.ts'

const NAMESPACE = 'urn:oma:xml:im:service-settings'
const document = (inside: string): string => `<im-settings xmlns="${NAMESPACE}">${inside}</im-settings>`
const OFF = '<deferred-settings><offline-delivery active="false"/></deferred-settings>'
const WHOLE = document(`\n  <!-- mine -->${OFF}<x:other xmlns:x="urn:x" y="1">&amp;</x:other>\n`)

const TYPES = {
  document: 'application/im-settings+xml',
  element: 'application/xcap-el+xml',
  attribute: 'application/xcap-att+xml',
}

async function setUp(t: Test) {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  const put = (target: string, body: string | Buffer, type: keyof typeof TYPES = 'document', asking: Asking = {}) =>
    box.ask(target, { method: 'PUT', body, ...asking, headers: { 'content-type': TYPES[type], ...asking.headers } })
  const push = async () => {
    const located = await box.store.ask('locate', { aor: BOB_AOR })
    return 'value' in located ? located.value.offlineDelivery : located
  }
  return { ...box, put, push }
}

const part = (selector: string): string => `${SETTINGS}/~~/${selector}`
const DELIVERY = part('im-settings/deferred-settings/offline-delivery')

t.test('Appendix E, RFC 4825 8.2: a document is made, read, written again and deleted, byte by byte', async t => {
  const { ask, put, push, told } = await setUp(t)
  t.equal((await ask(SETTINGS)).status, 404)
  t.equal((await ask(SETTINGS, { method: 'DELETE' })).status, 404)
  const made = await put(SETTINGS, WHOLE)
  t.match(made, { status: 201, text: '', headers: { etag: /^"1-/ } })
  t.match(told.at(-1), { verb: 'settings.put', aor: BOB_AOR }, 'the engine hears of it')
  t.equal(await push(), false)
  t.match(await ask(SETTINGS), {
    status: 200,
    text: WHOLE,
    headers: { 'content-type': TYPES.document, etag: made.headers.etag },
  })
  const again = await put(SETTINGS, document(OFF.replace('false', 'True')), 'document', {
    headers: { 'content-type': 'text/xml; charset=utf-8' },
  })
  t.match(again, { status: 200, headers: { etag: /^"2-/ } })
  t.equal(await push(), true)
  t.equal((await ask(SETTINGS, { method: 'DELETE' })).status, 200)
  t.equal(await push(), undefined)
  t.equal((await ask(SETTINGS)).status, 404)
  t.match((await put(SETTINGS, WHOLE)).headers.etag, /^"4-/, 'never the tag of an earlier one')
})

t.test('RFC 4825 7.4 to 7.10: elements and attributes; what nobody here knows survives', async t => {
  const { ask, put, push } = await setUp(t)
  await put(SETTINGS, WHOLE)
  t.match(await ask(DELIVERY), {
    status: 200,
    text: '<offline-delivery active="false"/>',
    headers: { 'content-type': TYPES.element },
  })
  t.match(await ask(`${DELIVERY}/@active`), {
    status: 200,
    text: 'false',
    headers: { 'content-type': TYPES.attribute },
  })
  t.equal((await put(`${DELIVERY}/@active`, 'true', 'attribute')).status, 200)
  t.equal(await push(), true)
  t.match(await ask(SETTINGS), { text: WHOLE.replace('false', 'true') })
  t.equal((await put(DELIVERY, '<offline-delivery active="0"/>', 'element')).status, 200)
  t.equal(await push(), false)
  const visible = part('im-settings/vis-settings')
  t.match(await put(visible, '<vis-settings><vis-status active="1"/></vis-settings>', 'element'), { status: 201 })
  const other = `${part('im-settings/x:other')}?xmlns(x=urn:x)`
  t.match(await ask(other), { text: '<x:other xmlns:x="urn:x" y="1">&amp;</x:other>' })
  t.equal((await ask(other.replace('?', '/@y?'), { method: 'DELETE' })).status, 200)
  t.match(await ask(other), { text: '<x:other xmlns:x="urn:x">&amp;</x:other>' })
  t.equal((await ask(part('im-settings/deferred-settings'), { method: 'DELETE' })).status, 200)
  t.equal(await push(), undefined)
  t.match(await ask(SETTINGS), { text: /<!-- mine --><x:other/ })
  for (const target of [DELIVERY, `${visible}/@x`, part('im-settings[2]')]) {
    t.equal((await ask(target)).status, 404, target)
    t.equal((await ask(target, { method: 'DELETE' })).status, 404, target)
  }
})

t.test('RFC 4825 11: what is refused says why, in xcap-error', async t => {
  const { ask, put, store } = await setUp(t)
  await put(SETTINGS, WHOLE)
  const deep = `${'<a>'.repeat(32)}${'</a>'.repeat(32)}`
  const twice = document(`${OFF}${OFF.replace('false', 'true')}`)
  const el = 'element'
  const cases: readonly (readonly [string, string, string | Buffer, keyof typeof TYPES])[] = [
    ['not-well-formed', SETTINGS, '<a', 'document'],
    ['not-well-formed', SETTINGS, '', 'document'],
    ['not-well-formed', SETTINGS, document('&unknown;'), 'document'],
    ['not-utf-8', SETTINGS, Buffer.from(WHOLE.replace('mine', '\u00e9'), 'latin1'), 'document'],
    ['not-utf-8', SETTINGS, `<?xml version="1.0" encoding="utf-16"?>${WHOLE}`, 'document'],
    ['constraint-failure', SETTINGS, `<!DOCTYPE a [<!ENTITY b "c">]>${WHOLE}`, 'document'],
    ['constraint-failure', SETTINGS, document(deep), 'document'],
    ['constraint-failure', SETTINGS, document(`${OFF}<x>${'y'.repeat(8200)}</x>`), 'document'],
    ['schema-validation-error', SETTINGS, '<im-settings/>', 'document'],
    ['schema-validation-error', SETTINGS, document('<offline-delivery/>'), 'document'],
    ['schema-validation-error', `${DELIVERY}/@active`, 'maybe', 'attribute'],
    ['uniqueness-failure', SETTINGS, twice, 'document'],
    ['not-xml-frag', DELIVERY, '<offline-delivery', el],
    ['not-xml-frag', DELIVERY, '<a/><b/>', el],
    ['not-xml-att-value', `${DELIVERY}/@active`, '<', 'attribute'],
    ['no-parent', part('im-settings/none/one'), '<one/>', el],
    ['cannot-insert', part('im-settings/one'), '<other/>', el],
    ['cannot-insert', part('im-settings/one[3]'), '<one/>', el],
    ['constraint-failure', part('im-settings/one'), `<one>${'y'.repeat(8000)}</one>`, el],
  ]
  for (const [condition, target, body, type] of cases) {
    const reply = await put(target, body, type)
    const text = new RegExp(
      `^<\\?xml .*<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error"><${condition} phrase="`,
      's',
    )
    t.match(
      reply,
      { status: 409, headers: { 'content-type': 'application/xcap-error+xml' }, text },
      `${condition} ${body}`.slice(0, 80),
    )
  }
  t.match(await put(SETTINGS, `${WHOLE.slice(0, -3)}`), { text: /phrase="line 3, column \d+: / }, 'the place')
  t.match(await put(SETTINGS, twice), { text: /<exists field="http:.*users\/sip:bob@example\.org\/im-settings"\/>/ })
  const required = await ask(`${DELIVERY}/@active`, { method: 'DELETE' })
  t.match(required, { status: 409, text: /<schema-validation-error/ })
  t.match(await ask(part('im-settings'), { method: 'DELETE' }), { status: 409, text: /<cannot-delete/ })
  t.match(await ask(SETTINGS), { text: WHOLE }, 'nothing of it left a trace')
  await ask(SETTINGS, { method: 'DELETE' })
  t.match(await put(DELIVERY, '<offline-delivery active="0"/>', el), { status: 409, text: /<no-parent/ })
  t.match(await store.ask('settings.get', { aor: BOB_AOR }), { value: { version: 2 } })
})

t.test('RFC 4825 7.11: conditions of writers, and two who write at once', async t => {
  const { ask, put, push } = await setUp(t)
  const none = { headers: { 'if-none-match': '*' } }
  t.equal((await put(SETTINGS, WHOLE, 'document', none)).status, 201)
  t.equal((await put(SETTINGS, WHOLE, 'document', none)).status, 412)
  const { etag } = (await ask(SETTINGS)).headers
  const match = { headers: { 'if-match': etag! } }
  const both = await Promise.all([true, false].map(on => put(`${DELIVERY}/@active`, String(on), 'attribute', match)))
  t.strictSame(both.map(({ status }) => status).sort(), [200, 412], 'one of them')
  t.equal(await push(), both[0]!.status === 200)
  const many = await Promise.all(
    ['a', 'b', 'c', 'd'].map(name => put(part(`im-settings/${name}`), `<${name}/>`, 'element')),
  )
  t.strictSame(
    many.map(({ status }) => status),
    [201, 201, 201, 201],
    'without conditions all of them',
  )
  t.match(await ask(part('im-settings/x'), { headers: { 'if-match': '*' } }), { status: 412 })
  t.match(await put(part('im-settings/e'), '<e/>', 'element', none), { status: 201 }, 'this element is not there')
  t.match(await put(part('im-settings/e'), '<e/>', 'element', none), { status: 412 })
  t.equal((await ask(SETTINGS, { method: 'DELETE', headers: { 'if-match': etag! } })).status, 412)
})

t.test('other types and methods: 415 and 405 with what is taken, 413 of what is too long to be looked at', async t => {
  const { ask, put } = await setUp(t)
  await put(SETTINGS, WHOLE)
  t.match(await put(SETTINGS, WHOLE, 'element'), {
    status: 415,
    headers: { accept: /^application\/im-settings\+xml, / },
  })
  t.match(await put(DELIVERY, '<a/>', 'document'), { status: 415, headers: { accept: TYPES.element } })
  t.match(await put(`${DELIVERY}/@active`, '1', 'element'), { status: 415, headers: { accept: TYPES.attribute } })
  t.match(await ask(SETTINGS, { method: 'PUT', body: WHOLE }), { status: 415 }, 'none at all')
  t.match(await ask(SETTINGS, { method: 'POST', body: WHOLE }), {
    status: 405,
    headers: { allow: 'GET, HEAD, PUT, DELETE' },
  })
  const namespaces = `${part('im-settings')}/namespace::*`
  t.match(await ask(namespaces), { status: 200, text: `<im-settings xmlns="${NAMESPACE}"/>` })
  t.match(await put(namespaces, '<a/>', 'element'), { status: 405, headers: { allow: 'GET, HEAD' } })
  t.match(await put(SETTINGS, 'x'.repeat(20_000)), { status: 413 })
})

t.test('RFC 3903: what was published before the document was written does not come back when that goes', async t => {
  const { ask, put, push, store } = await setUp(t)
  const published = (revision: number, offlineDelivery: boolean) => ({
    chosen: { offlineDelivery },
    document: Buffer.from(WHOLE),
    modifiedAt: 1 as never,
    revision,
    etag: `e${revision}`,
    publisher: BOB_AOR,
    contentType: TYPES.document,
    expiresAt: 2e12 as never,
  })
  await store.ask('settings.put', { aor: BOB_AOR, version: 0, settings: { published: [published(1, true)] } })
  await put(SETTINGS, WHOLE)
  t.equal(await push(), false, 'written later')
  await ask(SETTINGS, { method: 'DELETE' })
  t.equal(await push(), undefined)
})
