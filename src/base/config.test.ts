import t from 'tap'
import { type Config, httpListeners, listeners, loadConfig, xcapRoot } from './config.ts'

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
    web: { hosts: [], plain_http: false },
    tls: { certificate: '', key: '', ca: '', verify_peers: true },
    ws: { origins: [] },
    auth: { digest: true, algorithms: ['MD5'], trusted_peers: [] },
    core: { route: '' },
    user: [],
    mwi: { headers: 'second', unsolicited: false },
    console: { device: '', baud: 115200, flow_control: 'none' },
    watchdog: { device: '', hang_s: 60 },
    xcap: { root: '' },
    xdms: { root: '', user: '', password: '' },
  })
  t.same(listen, {
    sip_udp: '127.0.0.1:5060',
    sip_tcp: '127.0.0.1:5060',
    sip_tls: '',
    sip_ws: '',
    sip_wss: '',
    msrp_tcp: '127.0.0.1:2855',
    msrp_tls: '',
    http: '127.0.0.1:8080',
    https: '',
  })
  t.same(deferral, {
    enabled: true,
    default_expiry_s: 259200,
    max_expiry_s: 2592000,
    max_message_bytes: 104857600,
    lenient_large_messages: true,
    quota_messages: 1000,
    quota_bytes: 268435456,
    reserve_bytes: 67108864,
    sender_share_percent: 80,
    sender_quota_messages: 100000,
    sender_quota_bytes: 1073741824,
  })
  t.same(delivery, { active_default: true, profile: 'auto', retry_min_s: 30, retry_max_s: 3600 })
  t.same(history, {
    enabled: true,
    retention_s: 31536000,
    quota_bytes: 1073741824,
    uri: 'sip:history@example.org',
    deferred_uri: 'sip:deferred@example.org',
    conference_factory_uri: '',
    active_default: false,
    recordings_max: 16,
    recording_max_s: 28800,
  })
})

t.test('domain is the one key that must be there', async t => {
  const loaded = loadConfig('', 'test.toml')
  t.match(loaded, { errors: ['test.toml:domain: missing, allowed: the SIP domain served, e.g. "example.org"'] })
})

t.test('an error names file, key, what is wrong and what is allowed', async t => {
  const wrong: [text: string, start: string][] = [
    ['[lisen]', 'lisen: unknown key (did you mean listen?), allowed: domain, hostname,'],
    ['[auth]\nzzz = 1', 'auth.zzz: unknown key, allowed: digest, algorithms, trusted_peers'],
    ['[auth]\nalgorithms = ["md5"]', 'auth.algorithms[0]: "md5" is not valid, allowed: "MD5", "SHA-256"'],
    ['[auth]\nalgorithms = []', 'auth.algorithms: empty, allowed: a list of "MD5" and "SHA-256"'],
    ['[auth]\ntrusted_peers = ["10.0.0.0/33"]', 'auth.trusted_peers[0]: "10.0.0.0/33" is not a CIDR'],
    ['[deferral]\nquota_messages = 0', 'deferral.quota_messages: 0 is not valid, allowed: a whole number from 1 to'],
    ['[deferral]\nenabled = "yes"', 'deferral.enabled: "yes" is not valid, allowed: true or false'],
    [
      '[deferral]\nmax_expiry_s = 5',
      'deferral.max_expiry_s: 5 is less than deferral.default_expiry_s = 259200 (default)',
    ],
    [
      '[deferral]\nquota_bytes = 5',
      'deferral.quota_bytes: 5 is less than deferral.max_message_bytes = 104857600 (default)',
    ],
    ['[delivery]\nprofile = "smtp"', 'delivery.profile: "smtp" is not valid, allowed: "msrp", "message", "auto"'],
    [
      '[delivery]\nretry_min_s = 90\nretry_max_s = 60',
      'delivery.retry_min_s: 90 is more than delivery.retry_max_s = 60, ',
    ],
    [
      '[deferral]\ndefault_expiry_s = 9999999',
      'deferral.default_expiry_s: 9999999 is more than deferral.max_expiry_s = 2592000 (default)',
    ],
    ['[auth]\nalgorithms = ["MD5", "MD5"]', 'auth.algorithms: names one twice'],
    ['listen = 5', 'listen: 5 is not valid, allowed: a table'],
    ['data_dir = ""', 'data_dir: empty, allowed: a folder'],
    ['data_dir = "a\\u0000b"', 'data_dir: has a control character, U+0000, as character 2, allowed: a folder'],
    ['[tls]\nkey = "a\\nb"', 'tls.key: has a control character, U+000A, as character 2'],
    ['"\\u001b[2J" = 1', '"\\u001b[2J": unknown key'],
    ['hostname = "192.0.2.256"', 'hostname: "192.0.2.256" is not a host'],
    ['hostname = "\\u009b"', 'hostname: has a control character, U+009B'],
    ['hostname = 2001-01-01', 'hostname: a date is not valid'],
    ['[core]\nroute = "sip:core.example.org:70000"', 'core.route: "sip:core.example.org:70000" is not a SIP URI'],
    ['[core]\nroute = "sip:[::g]"', 'core.route: "sip:[::g]" is not a SIP URI'],
    ['[console]\nbaud = 3', 'console.baud: 3 is not valid, allowed: 1200, 2400'],
    ['[core]\nroute = "core"', 'core.route: "core" is not a SIP URI'],
    [
      '[ws]\norigins = ["phone.example.org"]',
      'ws.origins[0]: "phone.example.org" is not valid, allowed: an origin, e.g.',
    ],
    ['[ws]\norigins = ["https://a.example/path"]', 'ws.origins[0]: "https://a.example/path" is not valid, allowed: an'],
    [
      '[core]\nroute = "sips:core.example.org;lr"',
      'core.route: goes by TLS, while listen.sip_tls = "" (default), allowed: a l',
    ],
    ['[core]\nroute = "sip:core.example.org;transport=TLS;lr"', 'core.route: goes by TLS, while listen.sip_tls = ""'],
    [
      '[xcap]\nroot = "ftp://a/"',
      'xcap.root: "ftp://a/" is not such a URL, allowed: e.g. "https://xcap.example.org/xcap/"',
    ],
    ['[xdms]\nroot = "http://a/b"', 'xdms.root: "http://a/b" is not such a URL'],
    ['[xdms]\nroot = "http://u:p@a/"', 'xdms.root: "http://u:p@a/" is not such a URL'],
    ['[xdms]\nuser = "box"', 'xdms.password: missing, while the other is set, allowed: both, or neither'],
    ['[tls]\nkey = "k.pem"', 'tls.key: set, while tls.certificate = "" (default), '],
    ['hostname = "a b"', 'hostname: "a b" is not a host'],
    ['[history]\nuri = "sip:history@example.net"', 'history.uri: "sip:history@example.net" is not an address in the'],
    [
      '[history]\nuri = "sip:deferred@example.org"',
      'history.uri: the same as history.deferred_uri = "sip:deferred@example.org" (default)',
    ],
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
  t.match(user('aor = "sip:history@example.org"\npassword = "x"'), [
    /user\[0\]\.aor: .*, history\.uri = "sip:history@example\.org" \(default\), allowed/,
  ])
  t.match(errors('[history]\nuri = "sip:h@example.org"\n[[user]]\naor = "sip:h@example.org"\npassword = "x"'), [
    /history\.uri: "sip:h@example\.org" is an account, user\[0\], allowed/,
  ])
})

const keysOf = (found: readonly string[]): string[] =>
  found.map(error => error.slice('test.toml:'.length).split(': ')[0]!)

t.test('every error inside a list is told, with its place', async t => {
  const found = errors(`
    [listen]
    sip_udp = ["127.0.0.1:5060", 5, "here", "[::ffff:127.0.0.1]:5060"]
    [auth]
    algorithms = ["md4", 6]
    trusted_peers = ["10.0.0.0/8", 7, "here", "::ffff:10.0.0.0/104"]
    [[user]]
    password = "x"
    [[user]]
    aor = "sip:bob@example.net"
    password = ""
    [[user]]
    aor = 5
    algorithms = ["MD5", "x"]
    zzz = 1
    [[user]]
    aor = "sip:bob@example.net"
    ha1_md5 = "short"`)
  t.same(keysOf(found).sort(), [
    'auth.algorithms[0]',
    'auth.algorithms[1]',
    'auth.trusted_peers[1]',
    'auth.trusted_peers[2]',
    'auth.trusted_peers[3]',
    'listen.sip_udp[1]',
    'listen.sip_udp[2]',
    'listen.sip_udp[3]',
    'user[0].aor',
    'user[1].aor',
    'user[1].password',
    'user[2]',
    'user[2].algorithms[1]',
    'user[2].aor',
    'user[2].zzz',
    'user[3].aor',
    'user[3].aor',
    'user[3].ha1_md5',
  ])
  for (const error of found) t.match(error, /, allowed: .+/)
  t.match(found.join('\n'), /user\[0\]\.aor: missing, allowed: an address like/)
  t.match(found.join('\n'), /user\[3\]\.aor: .* stands here twice, first as user\[1\]\.aor/)
})

t.test('what stands in place of a table or list is one error', async t => {
  t.match(errors('user = [5, "hunter2"]'), [
    /user\[0\]: the value is not/,
    /user\[1\]: the value is not valid, allowed: a table/,
  ])
  t.match(errors('[user]\naor = "sip:alice@example.org"\npassword = "hunter2"'), [/user: a table is not valid/])
  t.match(errors('[auth]\ntrusted_peers = "10.0.0.0/8"'), [/auth\.trusted_peers: "10\.0\.0\.0\/8" is not valid/])
  t.match(errors('[listen]\nsip_udp = 5060'), [/listen\.sip_udp: 5060 is not valid, allowed: "ADDRESS:PORT"/])
  const many = JSON.stringify(Array.from({ length: 17 }, (_, index) => `127.0.0.1:${5000 + index}`))
  t.match(errors(`[listen]\nsip_udp = ${many}`), [/listen\.sip_udp: has more than 16 entries/])
})

t.test('no key is blamed for what follows from another', async t => {
  const only = (text: string, ...keys: string[]) => {
    const loaded = loadConfig(text, 'test.toml')
    t.same('errors' in loaded ? keysOf(loaded.errors) : [], keys, text)
  }
  only('domain = "exa mple"', 'domain')
  only('domain = "exa mple"\n[history]\nuri = "sip:history@example.org"', 'domain')
  only('domain = "exa mple"\n[[user]]\naor = "sip:alice@example.org"\npassword = "x"', 'domain')
  only('domain = 5', 'domain')
  only('domian = "example.org"', 'domian')
  only('domain = "example.org"\n[listen]\nhttp = 5\nsip_tcp = "127.0.0.1:8080"', 'listen.http')
  only(
    'domain = "example.org"\n[auth]\nalgorithms = 5\n[[user]]\naor = "sip:a@example.org"\nha1_sha256 = 5',
    'auth.algorithms',
    'user[0].ha1_sha256',
  )
  only('domain = "example.org"\n[[user]]\naor = "sip:a@example.org"\npasword = "x"', 'user[0].pasword')
  only('domain = "example.org"\n[[user]]\naro = "sip:a@example.org"\npassword = "x"', 'user[0].aro')
  only('domain = "example.org"\n[tls]\nkey = 5\ncertificate = "c.pem"', 'tls.key')
})

t.test('the system’s name is told as such where it is no host', async t => {
  const loaded = loadConfig('domain = "example.org"', 'test.toml', 'my box')
  t.match(loaded, { errors: [/^test\.toml:hostname: the system’s name "my box" is not a host, allowed: a host name/] })
})

t.test('listeners: IPv4 written as IPv6 is told how to write it; at least one is for SIP', async t => {
  t.match(errors('[listen]\nsip_udp = "[::ffff:127.0.0.1]:5060"'), [
    /listen\.sip_udp: .*, allowed: write "127\.0\.0\.1:5060"/,
  ])
  t.match(errors('[listen]\nhttp = "[::FFFF:7f00:1]:80"'), [/listen\.http: .*, allowed: write "127\.0\.0\.1:80"/])
  t.match(errors('[auth]\ntrusted_peers = ["::ffff:10.0.0.0/104"]'), [/allowed: write "10\.0\.0\.0\/8"/])
  const off = '[listen]\nsip_udp = ""\nsip_tcp = []'
  t.match(errors(off), [/^test\.toml:listen: no SIP listener: .*, allowed: at least one, e\.g\. sip_udp/])
  t.same(errors(`${off}\nsip_tls = "127.0.0.1:5061"`), [])
  t.match(errors('[listen]\nsip_tcp = "127.0.0.1:8080"'), [
    /listen\.sip_tcp: .* is taken by listen\.http = "127\.0\.0\.1:8080" \(default\)/,
  ])
})

t.test('IPv6 with or without brackets, a name with or without its last dot', async t => {
  t.equal(config('domain = "example.org"\nhostname = "[::1]"').hostname, '::1')
  t.equal(config('domain = "example.org"\nhostname = "Edge1.example.org."').hostname, 'edge1.example.org')
  const numeric = config('domain = "[2001:DB8::1]"\n[[user]]\naor = "sip:alice@[2001:db8::1]"\npassword = "x"')
  t.equal(numeric.domain, '2001:db8::1')
  t.equal(numeric.history.uri, 'sip:history@[2001:db8::1]')
  t.same(config('domain = "::1"\n[[user]]\naor = "sip:alice@[0::1]"\npassword = "x"').user.length, 1)
  t.match(errors('hostname = "[::1"'), [/hostname: /])
  t.match(errors('hostname = "[example.org]"'), [/hostname: /])
})

t.test('what the configuration names and cannot be read is told with the rest', async t => {
  const asked: string[] = []
  const loaded = loadConfig(
    'zzz = 1\ndomain = "example.org"\n[tls]\ncertificate = "c.pem"\nkey = "k.pem"',
    'test.toml',
    'box1',
    path => {
      asked.push(path)
      return path === 'k.pem' ? 'it is a folder' : undefined
    },
  )
  t.match(loaded, {
    errors: [/zzz/, /^test\.toml:tls\.key: "k\.pem" cannot be read: it is a folder, allowed: a PEM file/],
  })
  t.same(asked, ['c.pem', 'k.pem'])
})

t.test('ten thousand accounts are checked one against all in no time', async t => {
  const users = Array.from({ length: 10000 }, (_, n) => `[[user]]\naor = "sip:u${n % 9999}@example.org"\npassword = ""`)
  const found = errors(users.join('\n'))
  t.equal(found.length, 10001)
  t.match(found.at(-1), /user\[9999\]\.aor: .* stands here twice, first as user\[0\]\.aor/)
})

t.test('where users reach their documents', async t => {
  const root = (text: string) => xcapRoot(config(`domain = "example.org"\nhostname = "edge1.example.org"\n${text}`))
  t.equal(root(''), 'http://edge1.example.org:8080/xcap/')
  t.equal(root('[listen]\nhttps = "[::]:8443"'), 'https://edge1.example.org:8443/xcap/')
  t.equal(root('[listen]\nhttp = ""'), 'http://edge1.example.org/xcap/')
  t.equal(root('[xcap]\nroot = "https://xcap.example.org/"'), 'https://xcap.example.org/')
  t.equal(xcapRoot(config('domain = "example.org"\nhostname = "2001:db8::1"')), 'http://[2001:db8::1]:8080/xcap/')
})
