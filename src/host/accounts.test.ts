import t from 'tap'
import { loadConfig } from '../base/config.ts'
import { ha1 } from '../sip/digest.ts'
import { accountsOfFile, accountWithPassword } from './accounts.ts'

t.test('RFC 7616 3.4.2: an account keeps the keys of both algorithms, the domain as realm', async t => {
  t.same(accountWithPassword('sip:Alice@Example.ORG', 'secret', 'example.org', 'store'), {
    aor: 'sip:Alice@example.org',
    ha1Md5: ha1('Alice', 'example.org', 'secret', 'MD5'),
    ha1Sha256: ha1('Alice', 'example.org', 'secret', 'SHA-256'),
    ha1Md5Address: ha1('Alice@example.org', 'example.org', 'secret', 'MD5'),
    ha1Sha256Address: ha1('Alice@example.org', 'example.org', 'secret', 'SHA-256'),
    origin: 'store',
  })
})

t.test('the tables [[user]]: password or hashes, algorithms of their own', async t => {
  const md5 = 'AB'.repeat(16)
  const loaded = loadConfig(
    `domain = "example.org"
    [[user]]
    aor = "sip:alice@example.org"
    password = "secret"
    algorithms = ["SHA-256", "MD5"]
    [[user]]
    aor = "sip:bob@EXAMPLE.org"
    ha1_md5 = "${md5}"`,
    'test.toml',
  )
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  t.same(accountsOfFile(loaded.config), [
    {
      ...accountWithPassword('sip:alice@example.org', 'secret', 'example.org', 'file'),
      algorithms: ['SHA-256', 'MD5'],
    },
    { aor: 'sip:bob@example.org', ha1Md5: md5.toLowerCase(), origin: 'file' },
  ])
})
