import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../../base/log.ts'
import { mendedConfig } from './mended-config.ts'
import { ReducedConfiguration } from './reduced-configuration.ts'

const GOOD = 'domain = "example.org"\n\n# ours\n[listen]\nhttp = "127.0.0.1:8080"\nsip_udp = "127.0.0.1:5060"\n'

const fileWith = (text: string): string => join(t.testdir({ 'restante.toml': text }), 'restante.toml')

t.test('what can be served is taken as it stands', async t => {
  const { text, config, errors } = mendedConfig(fileWith(GOOD))
  t.equal(text, GOOD)
  t.match(config, { domain: 'example.org', listen: { http: '127.0.0.1:8080' } })
  t.same(errors, [])
})

t.test('lines that are no TOML become comments, keys that are wrong go, and the rest stands', async t => {
  const broken = GOOD.replace('http = "127.0.0.1:8080"', 'http = "127.0.0.1:8080').replace('5060"', '5060"\nmsrp = 3')
  const { text, config, errors } = mendedConfig(fileWith(broken))
  t.match(config, { domain: 'example.org', listen: { sip_udp: '127.0.0.1:5060' } })
  t.match(text, /^# http = "127\.0\.0\.1:8080$/m)
  t.match(text, /^# ours$/m)
  t.notMatch(text, 'msrp = 3')
  t.equal(errors.length, 2)
  t.match(errors[0], /restante\.toml:5:\d+: .*TOML 1\.0/)
  t.match(errors[1], /restante\.toml:listen\.msrp: unknown key/)
})

t.test('half a file, an empty one, none, a folder, random octets: always something to begin with', async t => {
  for (let end = 0; end < GOOD.length; end++) {
    const { config } = mendedConfig(fileWith(GOOD.slice(0, end)))
    t.ok(config.domain === 'example.org' || config.domain === 'unset.invalid', `cut after ${end}`)
  }
  const dir = t.testdir({ octets: Buffer.from(Array.from({ length: 2000 }, (_, at) => (at * 37) % 256)) })
  for (const path of [join(dir, 'none'), dir, join(dir, 'octets')]) {
    const { config, errors } = mendedConfig(path)
    t.equal(config.domain, 'unset.invalid')
    t.match(errors[0], path)
  }
  const odd = mendedConfig(fileWith('domain = 7\nlisten = 5\n[[user]]\naor = "x"\n[[user]]\naor = 1\n'))
  t.equal(odd.config.domain, 'unset.invalid')
  t.ok(odd.errors.length >= 2)
})

t.test('a change writes the file whole and keeps what stood there; the next one does not keep it again', async t => {
  const broken = GOOD.replace('http = ', 'http ')
  const file = fileWith(broken)
  const configuration = new ReducedConfiguration(file, mendedConfig(file), silentLog)
  t.teardown(() => configuration.close())
  t.match(configuration.view().lastFailure, /TOML.*left out here/)
  const apply = (key: string, value: string | number) =>
    configuration.apply(new Map([[key, value]]), { version: configuration.view().version, who: 'ann', confirmS: 300 })
  t.equal(apply('listen.http', '127.0.0.1:8081'), 'applying')
  t.equal(readFileSync(`${file}.broken`, 'utf8'), broken)
  const after = mendedConfig(file)
  t.same(after.errors, [])
  t.match(after.config, { listen: { http: '127.0.0.1:8081', sip_udp: '127.0.0.1:5060' } })
  t.equal(configuration.view().lastFailure, undefined)
  t.equal(configuration.view().pending, undefined, 'nobody could come back to confirm it')
  t.notOk(existsSync(`${file}.unconfirmed`))
  t.match(configuration.check(new Map([['domain', '']])), { errors: { domain: /empty|allowed/ } }, 'checked as ever')
})
