import t from 'tap'
import type { DnsRecord } from '../base/dns.ts'
import { World } from '../testing/world.ts'

const server = (name: string, priority: number): DnsRecord => ({ kind: 'SRV', priority, weight: 0, port: 5060, name })

/** Two sites; the second is found by SRV behind a server that is gone. */
function twoSites(seed: string) {
  const world = new World(seed)
  const here = world.appliance({ name: 'here', users: ['alice:alice'] })
  const there = world.appliance({ name: 'there', address: '10.0.0.2', domain: 'example.net', users: ['carol:carol'] })
  here.dns.set('SRV _sip._tcp.example.net', [server('gone.example.net', 1), server('box.example.net', 2)])
  here.dns.set('A gone.example.net', [{ kind: 'A', address: '10.0.9.9' }])
  here.dns.set('A box.example.net', [{ kind: 'A', address: '10.0.0.2' }])
  return { world, here, there }
}

t.test('RFC 3263 4.3: a relayed message passes over a server that is gone', async t => {
  const { world, there } = twoSites('relay')
  const alice = world.phone('alice')
  const sent = alice.message({ to: 'sip:carol@example.net;transport=tcp', body: 'hello over there' })
  world.until(() => sent.status !== undefined, 'an answer')
  t.equal(sent.status, 202)
  const waiting = world.ask(there, 'mailbox', { aor: 'sip:carol@example.net', afterSeq: 0, limit: 10 })
  t.equal(waiting.length, 1)
})

t.test('RFC 3325 5: what one site asserts is not believed by another that does not trust it', async t => {
  const { world, there } = twoSites('identity')
  const alice = world.phone('alice')
  const sent = alice.message({ to: 'sip:carol@example.net;transport=tcp', body: 'hello' })
  world.until(() => sent.status !== undefined, 'an answer')
  const [kept] = world.ask(there, 'mailbox', { aor: 'sip:carol@example.net', afterSeq: 0, limit: 1, withHead: true })
  t.notMatch(kept?.head?.toString('latin1') ?? 'P-Asserted-Identity', /P-Asserted-Identity/i)
})

t.test('a domain without a way is 480', async t => {
  const { world } = twoSites('no way')
  const sent = world.phone('alice').message({ to: 'sip:dave@nowhere.example', body: 'hello' })
  world.until(() => sent.status !== undefined, 'an answer')
  t.equal(sent.status, 480)
})
