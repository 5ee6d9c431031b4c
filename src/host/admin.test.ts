import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hasAdmin, isAdminPassword, newPassword, writeAdmin } from './admin.ts'
import { SystemEntropy } from './entropy.ts'

t.test('the administrator’s password is kept as a hash that only its owner may read', async t => {
  const dir = t.testdir({})
  const entropy = new SystemEntropy()
  const password = newPassword(entropy)
  t.match(password, /^[a-z2-7]{16}$/)
  t.notOk(hasAdmin(dir))
  writeAdmin(dir, password, entropy)
  t.ok(hasAdmin(dir))
  t.ok(isAdminPassword(dir, password))
  t.notOk(isAdminPassword(dir, `${password}x`))
  t.notMatch(readFileSync(join(dir, 'admin'), 'utf8'), password)
  t.equal(statSync(join(dir, 'admin')).mode & 0o777, 0o600)
})
