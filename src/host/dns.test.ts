import t from 'tap'
import type { DnsQuestion } from '../base/dns.ts'
import { Dns, type Lookup } from './dns.ts'

const failing = (code: string) => async () => {
  throw Object.assign(new Error(code), { code })
}

const nothing: Record<keyof Lookup, () => Promise<never>> = {
  resolve4: failing('ENOTFOUND'),
  resolve6: failing('ENOTFOUND'),
  resolveSrv: failing('ENOTFOUND'),
  resolveNaptr: failing('ENOTFOUND'),
}

const lookup = (parts: object): Lookup => ({ ...nothing, ...parts }) as unknown as Lookup

const question = (kind: DnsQuestion['kind'], name: string): DnsQuestion => ({ kind, name })

t.test('RFC 6761 6.3: localhost and numeric names are answered without asking anybody', async t => {
  const dns = new Dns(lookup({ resolve4: failing('EASKED'), resolve6: failing('EASKED') }))
  t.same(await dns.ask(question('A', 'localhost')), [{ kind: 'A', address: '127.0.0.1' }])
  t.same(await dns.ask(question('AAAA', 'LOCALHOST.')), [{ kind: 'AAAA', address: '::1' }])
  t.same(await dns.ask(question('A', '192.0.2.7')), [{ kind: 'A', address: '192.0.2.7' }])
  t.same(await dns.ask(question('AAAA', '192.0.2.7')), [])
  t.same(await dns.ask(question('AAAA', '2001:db8::7')), [{ kind: 'AAAA', address: '2001:db8::7' }])
  t.same(await dns.ask(question('SRV', 'localhost')), [])
})

t.test('RFC 3263 4: each kind of record comes with its fields', async t => {
  const srv = { priority: 1, weight: 2, port: 5070, name: 'a.example.org' }
  const naptr = { order: 1, preference: 2, flags: 's', service: 'SIP+D2U', regexp: '', replacement: '_sip._udp.x' }
  const dns = new Dns(
    lookup({
      resolveSrv: async () => [srv],
      resolveNaptr: async () => [naptr],
      resolve6: async () => [{ address: '2001:db8::1', ttl: 5 }],
    }),
  )
  t.match(await dns.ask(question('SRV', '_sip._udp.example.org')), [{ kind: 'SRV', ...srv }])
  t.match(await dns.ask(question('NAPTR', 'example.org')), [{ kind: 'NAPTR', service: 'SIP+D2U' }])
  t.same(await dns.ask(question('AAAA', 'a.example.org')), [{ kind: 'AAAA', address: '2001:db8::1' }])
})

t.test('an answer is kept for its time to live, and asked for once by all who wait', async t => {
  let asked = 0
  let now = 0
  const resolve4 = async () => {
    asked++
    return [{ address: '192.0.2.1', ttl: 30 }]
  }
  const dns = new Dns(lookup({ resolve4 }), () => now)
  await Promise.all([1, 2, 3].map(() => dns.ask(question('A', 'a.example.org'))))
  t.equal(asked, 1)
  now = 29_999
  await dns.ask(question('A', 'A.example.org'))
  t.equal(asked, 1)
  now = 30_001
  await dns.ask(question('A', 'a.example.org'))
  t.equal(asked, 2)
})

t.test('no such name is remembered for a short while, a failure of the name server is not', async t => {
  let asked = 0
  let code = 'ENOTFOUND'
  const resolve4 = async () => {
    asked++
    return failing(code)()
  }
  const dns = new Dns(lookup({ resolve4 }), () => 0)
  t.same(await dns.ask(question('A', 'a.example.org')), [])
  t.same(await dns.ask(question('A', 'a.example.org')), [])
  t.equal(asked, 1)
  code = 'ETIMEOUT'
  t.same(await dns.ask(question('A', 'b.example.org')), [])
  await dns.ask(question('A', 'b.example.org'))
  t.equal(asked, 3)
})

t.test('questions on the way are bounded', async t => {
  let asked = 0
  const resolve4 = () => {
    asked++
    return new Promise(() => {})
  }
  const dns = new Dns(lookup({ resolve4 }))
  for (let i = 0; i < 256; i++) void dns.ask(question('A', `h${i}.example.org`))
  t.same(await dns.ask(question('A', 'one-more.example.org')), [])
  t.equal(asked, 256)
})
