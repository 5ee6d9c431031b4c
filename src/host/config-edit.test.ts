import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { parse } from 'smol-toml'
import t from 'tap'
import { type ConfigValue, editConfig } from './config-edit.ts'

const edit = (text: string, changes: Record<string, ConfigValue>) => editConfig(text, new Map(Object.entries(changes)))

const FILE = `# of the site
domain   = "example.org"   # ours

[listen]
sip_udp = [
  "127.0.0.1:5060", # first
  "[::1]:5060",
]   # both
http = "127.0.0.1:8080"

[deferral]   # what waits
quota_messages = 1000

[[user]]
aor = "sip:alice@example.org"
password = "a # in it"
`

t.test('a value changes and nothing else does', async t => {
  const edited = edit(FILE, { domain: 'example.com', 'deferral.quota_messages': 5, 'listen.sip_udp': ['0.0.0.0:5060'] })
  t.notOk(edited.isRewritten)
  t.equal(
    edited.text,
    FILE.replace('"example.org"   #', '"example.com"   #')
      .replace('= 1000', '= 5')
      .replace(/\[\n {2}"127[^\]]*\]:5060",\n\]/, '[ "0.0.0.0:5060" ]'),
  )
})

t.test('new keys stand in their table, new tables at the end, keys of no table before all tables', async t => {
  const { text, isRewritten } = edit(FILE, { hostname: 'edge1', 'listen.sip_tcp': '', 'history.enabled': false })
  t.notOk(isRewritten)
  t.match(text, /# ours\nhostname = "edge1"\n\n\[listen\]/)
  t.match(text, /http = "127.0.0.1:8080"\nsip_tcp = ""\n/)
  t.ok(text.endsWith('[history]\nenabled = false\n'))
  t.match(parse(text), { hostname: 'edge1', history: { enabled: false }, user: [{ password: 'a # in it' }] })
})

t.test('a key that goes takes its line with it', async t => {
  const { text } = edit(FILE, { 'listen.sip_udp': undefined, 'deferral.max_expiry_s': undefined })
  t.equal(text, FILE.replace(/sip_udp[^#]*# first[^#]*# both\n/, ''))
})

t.test('what cannot be edited in place is written anew, with all its values', async t => {
  for (const text of ['listen = { http = "" }\ndomain = "a"\n', '"domain" = "a"\nlisten."http" = ""\n']) {
    const edited = edit(text, { domain: 'b', 'listen.http': '127.0.0.1:1' })
    t.ok(edited.isRewritten)
    t.same(structuredClone(parse(edited.text)), { domain: 'b', listen: { http: '127.0.0.1:1' } })
  }
  t.strictSame(edit('listen.http = ""\n', { 'listen.http': 'x' }), { text: 'listen.http = "x"\n', isRewritten: false })
  t.throws(() => edit('domain = ', { domain: 'x' }))
})

t.test('the example can be edited in place', async t => {
  const text = readFileSync(new URL('../../examples/loopback.toml', import.meta.url), 'utf8')
  t.notOk(
    edit(text, { domain: 'b', 'listen.http': 'x', 'mwi.headers': 'off', 'listen.sip_udp': undefined }).isRewritten,
  )
})

t.test('whatever is set is what is read, and the rest stays', async t => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }).filter(text => text.isWellFormed()),
    fc.integer(),
    fc.boolean(),
    fc.array(fc.string()),
  )
  const key = fc.constantFrom('domain', 'hostname', 'listen.http', 'listen.sip_udp', 'mwi.headers', 'deferral.enabled')
  const start = fc.constantFrom(
    FILE,
    '',
    'domain = """a\n"b""""\n[mwi] # x\nheaders = \'\'\'#"\'\'\'',
    '[listen]\n[mwi]\n',
  )
  fc.assert(
    fc.property(start, fc.array(fc.tuple(key, fc.option(value, { nil: undefined }))), (text, changes) => {
      const edited = editConfig(text, new Map(changes as [string, ConfigValue][]))
      const read = parse(edited.text) as Record<string, Record<string, unknown>>
      return (
        !edited.isRewritten &&
        [...new Map(changes)].every(([name, set]) => {
          const [first, second] = name.split('.') as [string, string?]
          const got = second === undefined ? read[first] : read[first]?.[second]
          return JSON.stringify(got) === JSON.stringify(set)
        })
      )
    }),
    { numRuns: 500 },
  )
  t.pass()
})
