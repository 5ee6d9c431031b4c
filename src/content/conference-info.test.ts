import fc from 'fast-check'
import t from 'tap'
import { ConferenceState } from './conference-info.ts'

const NAMESPACE = 'urn:ietf:params:xml:ns:conference-info'

const info = (attributes: string, content: string): Buffer =>
  Buffer.from(
    `<?xml version="1.0"?><conference-info xmlns="${NAMESPACE}" entity="sip:c@h" ${attributes}>${content}</conference-info>`,
  )
const users = (content: string, state = 'full'): string => `<users state="${state}">${content}</users>`
const user = (uri: string, content = '', state = 'full'): string =>
  `<user entity="${uri}" state="${state}">${content}</user>`
const endpoint = (entity: string, status: string, state = 'full'): string =>
  `<endpoint entity="${entity}" state="${state}">${status && `<status>${status}</status>`}</endpoint>`

/** URIs of those present. */
const uris = (state: ConferenceState): string[] => [...state.present()].map(({ uri }) => uri)

/** A conference of alice and bob, version 1. */
function begun(): ConferenceState {
  const state = new ConferenceState()
  state.apply(info('state="full" version="1"', users(user('sip:alice@h') + user('sip:bob@h'))))
  return state
}

t.test('HIS-INV-09, RFC 4575: who is in a conference, with the names they are shown by', async t => {
  const state = new ConferenceState()
  const document = `
    <conference-description><subject>Plan</subject></conference-description>
    <conference-state><user-count>3</user-count></conference-state>
    <users>
      <user entity="sip:bob@example.org" state="full">
        <display-text> Bob &amp; co </display-text>
        <endpoint entity="sip:bob@192.0.2.4"><display-text>phone</display-text><status>connected</status></endpoint>
      </user>
      <user entity=" sip:carol@example.org "/>
      <user/>
      <x:user xmlns:x="urn:other" entity="sip:none@example.org"/>
    </users>`
  t.equal(state.apply(info('version="7"', document)), 'applied')
  t.strictSame(
    [...state.present()],
    [{ uri: 'sip:bob@example.org', displayName: 'Bob & co' }, { uri: 'sip:carol@example.org' }],
  )
})

t.test('RFC 4575 5.7.3: who is only called, or has hung up, is not in', async t => {
  const present: Record<string, boolean> = {
    connected: true,
    'muted-via-focus': true,
    'on-hold': true,
    '': true,
    whatever: true,
    pending: false,
    'dialing-out': false,
    'dialing-in': false,
    alerting: false,
    disconnecting: false,
    ' Disconnected ': false,
  }
  for (const [status, isIn] of Object.entries(present)) {
    const state = new ConferenceState()
    state.apply(info('version="1"', users(user('sip:a@h', endpoint('x', status)))))
    t.equal(uris(state).length === 1, isIn, status)
  }
  const two = new ConferenceState()
  two.apply(info('version="1"', users(user('sip:a@h', endpoint('x', 'disconnected') + endpoint('y', 'connected')))))
  t.strictSame(uris(two), ['sip:a@h'], 'with one of two devices')
  const one = new ConferenceState()
  one.apply(info('version="1"', users(user('sip:a@h', endpoint('x', 'connected')))))
  const left = users(user('sip:a@h', endpoint('x', '', 'deleted'), 'partial'), 'partial')
  one.apply(info('state="partial" version="2"', left))
  t.strictSame(uris(one), [], 'the only one went')
})

t.test('RFC 4575 4.6: partial state is joined to what is known', async t => {
  const state = begun()
  const partial = (version: number, content: string): string =>
    state.apply(info(`state="partial" version="${version}"`, users(content, 'partial')))
  t.equal(partial(2, user('sip:carol@h', '<display-text>Carol</display-text>')), 'applied')
  t.strictSame(uris(state), ['sip:alice@h', 'sip:bob@h', 'sip:carol@h'])
  t.equal(partial(3, user('sip:alice@h', '', 'deleted')), 'applied')
  t.strictSame(uris(state), ['sip:bob@h', 'sip:carol@h'])
  t.equal(partial(4, user('sip:bob@h', endpoint('x', 'connected') + endpoint('y', 'connected'), 'partial')), 'applied')
  t.equal(partial(5, user('sip:bob@h', endpoint('x', 'disconnected', 'partial'), 'partial')), 'applied')
  t.strictSame(uris(state), ['sip:bob@h', 'sip:carol@h'])
  t.equal(partial(6, user('sip:bob@h', endpoint('y', '', 'partial'), 'partial')), 'applied')
  t.strictSame(uris(state), ['sip:bob@h', 'sip:carol@h'], 'what is not said is as it was')
  t.equal(
    partial(7, user('sip:bob@h', endpoint('y', '', 'deleted') + endpoint('z', '', 'deleted'), 'partial')),
    'applied',
  )
  t.strictSame(uris(state), ['sip:carol@h'], 'the last endpoint went')
  t.equal(partial(8, user('sip:carol@h', '', 'partial')), 'applied')
  t.match([...state.present()], [{ uri: 'sip:carol@h', displayName: 'Carol' }])
  t.equal(state.apply(info('state="partial" version="9"', '<conference-state/>')), 'applied')
  t.strictSame(uris(state), ['sip:carol@h'], 'nothing said of users')
  t.equal(state.apply(info('state="partial" version="10"', users(user('sip:dora@h')))), 'applied')
  t.strictSame(uris(state), ['sip:dora@h'], 'all the users there are')
  t.equal(state.apply(info('state="partial" version="11"', users('', 'deleted'))), 'applied')
  t.strictSame(uris(state), [])
})

t.test('RFC 4575 4.4, HIS-INV-09: versions that are missing are noticed, and old ones change nothing', async t => {
  const state = begun()
  const gone = users(user('sip:bob@h', '', 'deleted'), 'partial')
  t.equal(state.apply(info('state="partial" version="3"', gone)), 'gap')
  t.equal(state.apply(info('state="partial" version="4"', gone)), 'gap', 'until the whole state is there')
  t.equal(state.apply(info('state="partial"', gone)), 'gap', 'without a version')
  t.equal(state.apply(info('state="partial" version="1"', gone)), 'old')
  t.equal(state.apply(info('state="full" version="0"', users(''))), 'old')
  t.strictSame(uris(state), ['sip:alice@h', 'sip:bob@h'])
  t.equal(state.apply(info('state="full" version="4"', users(user('sip:carol@h')))), 'applied')
  t.equal(state.apply(info('state="full" version="4"', users(user('sip:carol@h')))), 'applied', 'told again')
  t.equal(state.apply(info('state="partial" version="5"', users(user('sip:bob@h'), 'partial'))), 'applied')
  t.strictSame(uris(state), ['sip:carol@h', 'sip:bob@h'])
  t.equal(new ConferenceState().apply(info('state="partial" version="1"', gone)), 'gap', 'of the first one')
})

t.test('RFC 4575 4.4: a whole state that tells of nobody has nobody', async t => {
  for (const content of ['', users('', 'partial'), '<conference-state/>']) {
    const state = begun()
    t.equal(state.apply(info('state="full" version="2"', content)), 'applied')
    t.strictSame(uris(state), [], content)
  }
})

t.test('another subscription counts its versions anew', async t => {
  const state = begun()
  state.restart()
  t.strictSame(uris(state), ['sip:alice@h', 'sip:bob@h'])
  t.equal(state.apply(info('state="partial" version="2"', users('', 'partial'))), 'gap')
  t.equal(state.apply(info('state="full" version="0"', users(user('sip:bob@h')))), 'applied')
  t.strictSame(uris(state), ['sip:bob@h'])
})

t.test('a conference that is over', async t => {
  const state = begun()
  t.equal(state.apply(info('state="deleted" version="2"', '')), 'over')
  t.strictSame(uris(state), [])
})

t.test('what is no such document is passed over', async t => {
  const state = begun()
  const wrong = [
    '',
    'hello',
    '<conference-info version="2"/>',
    `<x xmlns="${NAMESPACE}"/>`,
    info('version="2"', '<users>').toString(),
    `<!DOCTYPE a [<!ENTITY b "c">]>${info('version="2"', '')}`,
    `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
    info('version="2"', users(user('sip:x@h').repeat(20_000))).toString(),
  ]
  for (const text of wrong) t.equal(state.apply(Buffer.from(text)), 'malformed', text.slice(0, 40))
  t.equal(state.apply(Buffer.from([0xff, 0xfe, 0x3c])), 'malformed')
  t.strictSame(uris(state), ['sip:alice@h', 'sip:bob@h'])
})

t.test('bounded: users, endpoints, names and URIs', async t => {
  const state = new ConferenceState()
  const crowd = Array.from({ length: 1500 }, (_, index) => user(`sip:u${index}@h`)).join('')
  t.equal(state.apply(info('version="1"', users(crowd))), 'applied')
  t.equal(uris(state).length, 1000)
  const more = users(user('sip:u1@h', '', 'deleted') + user('sip:late@h'), 'partial')
  t.equal(state.apply(info('state="partial" version="2"', more)), 'applied')
  t.equal(uris(state).at(-1), 'sip:late@h', 'somebody went')
  const devices = Array.from({ length: 40 }, (_, index) =>
    endpoint(`e${index}`, index < 16 ? 'disconnected' : 'connected'),
  )
  const odd = user(`sip:${'x'.repeat(2000)}@h`) + user('sip:a@h', `<display-text>${'ä'.repeat(500)}</display-text>`)
  state.apply(info('version="3"', users(user('sip:b@h', devices.join('')) + odd)))
  t.match([...state.present()], [{ uri: 'sip:a@h', displayName: 'ä'.repeat(256) }])
  t.equal(uris(state).length, 1)
})

t.test(
  'RFC 4575 4.6: documents in any order, lost and repeated, end as the last whole one and what follows it says',
  async t => {
    const change = fc.record({
      uri: fc.constantFrom('sip:a@h', 'sip:b@h', 'sip:c@h'),
      isIn: fc.boolean(),
      isFull: fc.boolean(),
      fate: fc.constantFrom('heard', 'heard', 'lost', 'twice'),
    })
    const isRight = fc.property(fc.array(change, { maxLength: 30 }), changes => {
      const focus = new Set<string>()
      const state = new ConferenceState()
      let version = 0
      const whole = () => info(`state="full" version="${version}"`, users([...focus].map(uri => user(uri)).join('')))
      for (const { uri, isIn, isFull, fate } of changes) {
        version++
        if (isIn) focus.add(uri)
        else focus.delete(uri)
        if (fate === 'lost') continue
        const part = users(user(uri, '', isIn ? 'full' : 'deleted'), 'partial')
        const document = isFull ? whole() : info(`state="partial" version="${version}"`, part)
        const came = state.apply(document)
        // The subscriber asks again, and the focus answers with all there is.
        if (came === 'gap' && state.apply(whole()) !== 'applied') return false
        if (fate === 'twice' && !['old', 'applied'].includes(state.apply(document))) return false
        if (uris(state).sort().join() !== [...focus].sort().join()) return false
      }
      return true
    })
    t.doesNotThrow(() => fc.assert(isRight, { numRuns: 500, seed: 4575 }))
  },
)

t.test('no document breaks the reader', async t => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<users>',
      '</users>',
      '<users state="partial">',
      '<user entity="sip:a@h">',
      '</user>',
      '<user entity="sip:a@h" state="deleted"/>',
    ),
    fc.constantFrom(
      '<endpoint entity="x">',
      '</endpoint>',
      '<status>connected</status>',
      '<display-text>',
      '</display-text>',
      '&lt;',
      '&x;',
      '<![CDATA[',
      ']]>',
    ),
    fc.string({ maxLength: 5 }),
  )
  const version = fc.constantFrom(
    'version="2"',
    'version="3" state="partial"',
    'version="-1"',
    'state="deleted"',
    'version="99999999999"',
    '',
  )
  const isHandled = fc.property(version, fc.array(piece, { maxLength: 12 }), (attributes, pieces) => {
    const state = begun()
    const came = state.apply(info(attributes, pieces.join('')))
    return ['applied', 'old', 'gap', 'over', 'malformed'].includes(came) && uris(state).every(uri => uri !== '')
  })
  t.doesNotThrow(() => fc.assert(isHandled, { numRuns: 2000, seed: 4576 }))
})
