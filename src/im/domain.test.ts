import t from 'tap'
import { Domain } from './domain.ts'

const domain = new Domain('example.org', ['edge1.example.org', '192.0.2.1', '::1'])

t.test('any of the box’s own hosts means the served domain', async t => {
  for (const uri of [
    'sip:bob@example.org',
    'sip:bob@EXAMPLE.org:5060;transport=tcp',
    'sips:bob@example.org',
    'sip:bob@edge1.example.org',
    'sip:bob@192.0.2.1:5060',
    'sip:bob@[::1]:5060',
    'sip:bob@example.org.',
    'sip:bob@[0::1]',
    'sip:bob@[0:0:0:0:0:0:0:1]',
  ])
    t.equal(domain.userOf(uri), 'sip:bob@example.org', uri)
})

t.test('another domain or no user is nobody of ours', async t => {
  for (const uri of ['sip:bob@example.net', 'sip:example.org', 'tel:+15551234', 'sip:bob@example.org.example.net'])
    t.equal(domain.userOf(uri), undefined, uri)
})

t.test('a listener on every address is known by the flow', async t => {
  const flow = {
    id: 'x',
    protocol: 'sip',
    transport: 'udp',
    local: { address: '198.51.100.7', port: 5060 },
    remote: { address: '198.51.100.8', port: 5060 },
  } as const
  t.equal(domain.userOf('sip:bob@198.51.100.7', flow), 'sip:bob@example.org')
  t.equal(domain.userOf('sip:bob@198.51.100.7'), undefined)
})

t.test('the box itself has no user part', async t => {
  t.ok(domain.isBox('sip:example.org'))
  t.notOk(domain.isBox('sip:bob@example.org'))
  t.notOk(domain.isBox('sip:example.net'))
})
