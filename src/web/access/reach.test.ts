import t from 'tap'
import type { ConfigurationView, ConfigValue } from '../../services/configuration.ts'
import { hasPage, hasSecure, movesPage, reachChanges, reachedAt } from './reach.ts'

const LISTEN = {
  'listen.sip_udp': ['127.0.0.1:5060', '[::1]:5060'],
  'listen.sip_tcp': '127.0.0.1:5070',
  'listen.sip_tls': '',
  'listen.sip_ws': '',
  'listen.sip_wss': '',
  'listen.msrp_tcp': '127.0.0.1:2855',
  'listen.msrp_tls': '',
  'listen.http': '127.0.0.1:8080',
  'listen.https': '',
}

const viewOf = (more: Record<string, ConfigValue> = {}): ConfigurationView => {
  const keys = Object.entries({ ...LISTEN, ...more }).map(([key, value]) => ({ key, value }))
  return { keys } as unknown as ConfigurationView
}

const changed = (view: ConfigurationView, reach: string, isSecure = false, wantsPage = false) =>
  Object.fromEntries(reachChanges(view, { reach, isSecure, hasPage: wantsPage }, ['192.0.2.1', '2001:db8::1']))

t.test('where it is reached now', async t => {
  t.same(reachedAt(viewOf()), ['127.0.0.1', '[::1]'])
  t.notOk(hasSecure(viewOf()))
  t.ok(hasSecure(viewOf({ 'listen.msrp_tls': '192.0.2.1:2856' })))
  t.notOk(hasPage(viewOf()))
  t.notOk(hasPage(viewOf({ 'listen.https': '[::1]:8443' })), 'the machine itself is no network')
  t.ok(hasPage(viewOf({ 'listen.https': ['127.0.0.1:8443', '[::]:8443'] })))
})

t.test('one address for everything that is on; ports stay, what is off stays off', async t => {
  t.same(changed(viewOf(), 'keep'), {})
  t.same(changed(viewOf(), '192.0.2.1'), {
    'listen.sip_udp': '192.0.2.1:5060',
    'listen.sip_tcp': '192.0.2.1:5070',
    'listen.msrp_tcp': '192.0.2.1:2855',
  })
  t.equal(changed(viewOf(), '2001:db8::1')['listen.sip_udp'], '[2001:db8::1]:5060')
  t.same(changed(viewOf(), 'all')['listen.sip_udp'], ['0.0.0.0:5060', '[::]:5060'])
  t.same(changed(viewOf(), 'local')['listen.sip_udp'], '127.0.0.1:5060')
  const noIpv6 = reachChanges(viewOf(), { reach: 'all', isSecure: false, hasPage: false }, ['192.0.2.1'])
  t.equal(noIpv6.get('listen.sip_udp'), '0.0.0.0:5060')
})

t.test('TLS comes with the ports that are usual for it, keeps those it has, and goes', async t => {
  t.same(
    changed(viewOf({ 'listen.sip_udp': '192.0.2.1:5060', 'listen.sip_tcp': '', 'listen.msrp_tcp': '' }), 'keep', true),
    {
      'listen.sip_tls': '192.0.2.1:5061',
      'listen.msrp_tls': '192.0.2.1:2856',
    },
  )
  const on = viewOf({ 'listen.sip_tls': '127.0.0.1:6061', 'listen.msrp_tls': '127.0.0.1:2856' })
  t.same(changed(on, 'keep', true), {})
  t.equal(changed(on, '192.0.2.1', true)['listen.sip_tls'], '192.0.2.1:6061')
  t.same(changed(on, 'keep', false), { 'listen.sip_tls': '', 'listen.msrp_tls': '' })
})

t.test('the page: over HTTPS for the network, and never switched off by this', async t => {
  t.equal(changed(viewOf(), '192.0.2.1', false, true)['listen.https'], '192.0.2.1:8443')
  const on = viewOf({ 'listen.https': '192.0.2.1:443' })
  t.equal(changed(on, 'all', false, true)['listen.https']?.toString(), '0.0.0.0:443,[::]:443')
  t.notOk('listen.https' in changed(on, 'keep', false, true))
  t.notOk('listen.https' in changed(on, '192.0.2.1', false, false))
})

t.test('what may take the page away from whoever looks at it', async t => {
  const moves = (key: string, before: ConfigValue, host = '192.0.2.1') => movesPage([{ key, before }], host)
  t.ok(moves('listen.https', '192.0.2.1:8443'))
  t.notOk(moves('listen.https', ''), 'what was not there took nobody here')
  for (const key of ['listen.http', 'web.hosts', 'web.plain_http', 'tls.certificate']) t.ok(moves(key, 'x'), key)
  for (const key of ['listen.sip_udp', 'domain', 'hostname']) t.notOk(moves(key, '192.0.2.1'), key)
  t.ok(moves('hostname', 'Edge1.example.org', 'edge1.example.org'), 'the name in the address of the browser')
  t.ok(moves('domain', 'example.org', 'example.org'))
})
