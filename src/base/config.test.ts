import t from 'tap'
import { type Config, httpListeners, listeners, loadConfig } from './config.ts'

const config = (text: string): Config => {
  const loaded = loadConfig(text, 'test.toml', 'Box1')
  if ('errors' in loaded) throw new Error(loaded.errors.join('\n'))
  return loaded.config
}

const errors = (text: string): readonly string[] => {
  const loaded = loadConfig(`domain = "example.org"\n${text}`, 'test.toml')
  return 'errors' in loaded ? loaded.errors : []
}

t.test('every key has the default of the contract, except domain', async t => {
  const { deferral, delivery, history, listen, ...rest } = config('domain = "Example.org"')
  t.same(rest, {
    domain: 'example.org',
    hostname: 'box1',
    data_dir: './data',
    tls: { certificate: '', key: '' },
    auth: { digest: true, algorithms: ['MD5'], trusted_peers: [] },
    core: { route: '' },
    user: [],
    mwi: { headers: 'second' },
    console: { device: '', baud: 115200 },
    watchdog: { device: '' },
  })
  t.same(listen, {
    sip_udp: '127.0.0.1:5060',
    sip_tcp: '127.0.0.1:5060',
    sip_tls: '',
    sip_ws: '',
    msrp_tcp: '127.0.0.1:2855',
    msrp_tls: '',
    http: '127.0.0.1:8080',
  })
  t.same(deferral, {
    enabled: true,
    default_expiry_s: 259200,
    max_expiry_s: 2592000,
    max_message_bytes: 104857600,
    quota_messages: 1000,
    quota_bytes: 268435456,
    reserve_bytes: 67108864,
  })
  t.same(delivery, { active_default: true, profile: 'auto', retry_min_s: 30, retry_max_s: 3600 })
  t.same(history, {
    enabled: true,
    retention_s: 31536000,
    quota_bytes: 1073741824,
    uri: 'sip:history@example.org',
    deferred_uri: 'sip:deferred@example.org',
    conference_factory_uri: '',
  })
})

t.test('domain is the one key that must be there', async t => {
  const loaded = loadConfig('', 'test.toml')
  t.same(loaded, { errors: ['test.toml:domain: missing, allowed: the SIP domain served, e.g. "example.org"'] })
})

t.test('an error names file, key, what is wrong and what is allowed', async t => {
  const wrong: [text: string, start: string][] = [
    ['[lisen]', 'lisen: unknown key (did you mean listen?), allowed: domain, hostname,'],
    ['[auth]\nzzz = 1', 'auth.zzz: unknown key, allowed: digest, algorithms, trusted_peers'],
    ['[auth]\nalgorithms = ["md5"]', 'auth.algorithms[0]: "md5" is not valid, allowed: "MD5", "SHA-256"'],
    ['[auth]\nalgorithms = []', 'auth.algorithms: [] is not valid, allowed: a list of "MD5" and "SHA-256"'],
    ['[auth]\ntrusted_peers = ["10.0.0.0/33"]', 'auth.trusted_peers[0]: "10.0.0.0/33" is not a CIDR'],
    ['[deferral]\nquota_messages = 0', 'deferral.quota_messages: 0 is not valid, allowed: a whole number from 1 to'],
    ['[deferral]\nenabled = "yes"', 'deferral.enabled: "yes" is not valid, allowed: true or false'],
    ['[deferral]\nmax_expiry_s = 5', 'deferral.default_expiry_s: 259200 is more than deferral.max_expiry_s (5)'],
    ['[deferral]\nquota_bytes = 5', 'deferral.max_message_bytes: 104857600 is more than deferral.quota_bytes (5)'],
    ['[delivery]\nprofile = "smtp"', 'delivery.profile: "smtp" is not valid, allowed: "msrp", "message", "auto"'],
    ['[delivery]\nretry_min_s = 90\nretry_max_s = 60', 'delivery.retry_min_s: 90 is more than delivery.retry_max_s'],
    ['[console]\nbaud = 3', 'console.baud: 3 is not valid, allowed: 1200, 2400'],
    ['[core]\nroute = "core"', 'core.route: "core" is not a SIP URI'],
    ['[tls]\nkey = "k.pem"', 'tls.certificate: empty while the other of the pair is set'],
    ['hostname = "a b"', 'hostname: "a b" is not a host'],
    ['[history]\nuri = "sip:history@example.net"', 'history.uri: "sip:history@example.net" is not an address in the'],
    ['[history]\nuri = "sip:deferred@example.org"', 'history.deferred_uri: "sip:deferred@example.org" is history.uri'],
  ]
  for (const [text, start] of wrong) {
    const found = errors(text)
    t.equal(found.length, 1, `${text}: ${found.length} errors`)
    t.ok(found[0]?.startsWith(`test.toml:${start}`), `${text} -> ${found[0]}`)
    t.match(found[0], /, allowed: .+/)
  }
})

t.test('errors of shape and errors across keys are told together', async t => {
  const found = errors(
    'zzz = 1\n[listen]\nsip_udp = "here"\n[delivery]\nprofile = "x"\nretry_min_s = 90\nretry_max_s = 60',
  )
  t.same(
    found.map(error => error.split(':')[1]),
    ['zzz', 'delivery.profile', 'listen.sip_udp', 'delivery.retry_min_s'],
  )
})

t.test('a refused value does not count as its default in another check', async t => {
  t.same(errors('[delivery]\nretry_min_s = -1\nretry_max_s = 10').length, 1)
  t.same(errors('[[user]]\naor = "sip:alice@example.org"\npassword = ""').length, 1)
})

t.test('a mistake in the TOML itself is told with line and column', async t => {
  const [first] = errors('[listen\nsip_udp = ""')
  t.match(first, /^test\.toml:2:\d+: /)
})

t.test('no error message shows a password or a hash', async t => {
  const found = errors('[[user]]\naor = "sip:alice@example.org"\npassword = ["hunter2"]\nha1_md5 = "hunter2"')
  t.equal(found.length, 2)
  t.notMatch(found.join(), /hunter2/)
  t.notMatch(errors('password = "hunter2').join(), /hunter2/)
})

t.test('listeners: off, one, several; IPv4 and IPv6', async t => {
  const made = config(`domain = "example.org"
    [listen]
    sip_udp = ["127.0.0.1:5060", "[::1]:5060"]
    sip_tcp = ""
    msrp_tcp = ["0.0.0.0:2855", "[::]:2855"]
    http = ""`)
  const { sip, msrp } = listeners(made)
  t.same(sip, [
    { transport: 'udp', endpoint: { address: '127.0.0.1', port: 5060 }, key: 'listen.sip_udp' },
    { transport: 'udp', endpoint: { address: '::1', port: 5060 }, key: 'listen.sip_udp' },
  ])
  t.equal(msrp.length, 2, 'a wildcard of each family does not collide with the other')
  t.same(httpListeners(made), [])
})

t.test('one address and port serves one key per transport', async t => {
  t.match(errors('[listen]\nhttp = "127.0.0.1:5060"'), [/listen\.http: .* taken by listen\.sip_tcp/])
  t.match(errors('[listen]\nmsrp_tcp = "0.0.0.0:5060"'), [/listen\.msrp_tcp: .* taken by listen\.sip_tcp/])
  t.same(errors('[listen]\nsip_tcp = "127.0.0.1:0"\nhttp = "127.0.0.1:0"'), [], 'port 0 never collides')
  t.match(errors('[listen]\nsip_udp = "localhost:5060"'), [/listen\.sip_udp: "localhost:5060" is not an address/])
})

t.test('accounts need an address in the domain and something to log in with', async t => {
  const user = (lines: string) => errors(`[[user]]\n${lines}`)
  const md5 = 'a'.repeat(32)
  t.same(user('aor = "sip:alice@example.org"\npassword = "secret"'), [])
  t.same(user(`aor = "sip:alice@example.org"\nha1_md5 = "${md5}"`), [])
  t.match(user('aor = "sip:alice@example.net"\npassword = "secret"'), [/user\[0\]\.aor: .* not in the domain/])
  t.match(user('aor = "alice"\npassword = "secret"'), [/user\[0\]\.aor: .* not an address-of-record/])
  t.match(user('aor = "sip:alice@example.org;x=y"\npassword = "secret"'), [/not an address-of-record/])
  t.match(user('aor = "sip:alice@example.org"'), [/user\[0\]: has no password/])
  t.match(user(`aor = "sip:alice@example.org"\nha1_md5 = "${md5}"\npassword = "secret"`), [/together with a hash/])
  t.match(user(`aor = "sip:alice@example.org"\nha1_sha256 = "${md5}${md5}"`), [/no hash for any of auth\.algorithms/])
  t.match(user(`aor = "sip:alice@example.org"\nha1_md5 = "${md5}"\nalgorithms = ["SHA-256"]`), [/ha1_sha256: missing/])
  const twice = '[[user]]\naor = "sip:alice@example.org"\npassword = "x"\n'
  t.same(errors(twice + twice.replace('alice', 'Alice')), [], 'RFC 3261 19.1.4: letter case tells users apart')
  t.match(errors(twice + twice.replace('org"', 'ORG"')), [/user\[1\]\.aor: .* stands here twice/])
  t.match(user('aor = "sips:alice@example.org"\npassword = "secret"'), [/not an address-of-record/])
  t.match(errors(twice + twice), [/user\[1\]\.aor: .* stands here twice/])
  t.match(user('aor = "sip:history@example.org"\npassword = "x"'), [/history\.uri: .* is an account/])
})
