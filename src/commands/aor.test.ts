import t from 'tap'
import { loadConfig } from '../base/config.ts'
import { ACCOUNT_CHARACTERS_MAX } from '../base/config-uri.ts'
import { AOR_BYTES_MAX } from '../store/story.ts'
import { aorOf } from './aor.ts'

const here = (domain: string) => {
  const loaded = loadConfig(`domain = "${domain}"`, 'test.toml', 'box1')
  if ('errors' in loaded) throw new Error(loaded.errors.join('\n'))
  return loaded.config
}

t.test('in full or in short, the key is the same', async t => {
  for (const text of ['alice', 'alice@Example.org', 'sip:alice@example.org', 'sip:%61lice@example.org'])
    t.equal(aorOf(text, here('example.org')), 'sip:alice@example.org')
  t.equal(aorOf('alice', here('[2001:db8::1]')), 'sip:alice@[2001:db8:0:0:0:0:0:1]')
  t.equal(aorOf('alice@[2001:DB8::1]', here('2001:db8::1')), 'sip:alice@[2001:db8:0:0:0:0:0:1]')
})

t.test('what was written comes back without its control characters', async t => {
  t.throws(() => aorOf('al\x1b[2Jice', here('example.org')), /^"al\\u001b\[2Jice" is not/)
})

t.test('what is an account to the configuration has room in the store', async t => {
  t.equal(ACCOUNT_CHARACTERS_MAX, AOR_BYTES_MAX)
})
