import { mkdirSync, readFileSync, statSync } from 'node:fs'
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
  t.notOk(await isAdminPassword(dir, ''), 'nobody is, before there is one')
  writeAdmin(dir, password, entropy)
  t.ok(hasAdmin(dir))
  t.ok(await isAdminPassword(dir, password))
  t.notOk(await isAdminPassword(dir, `${password}x`))
  t.notMatch(readFileSync(join(dir, 'admin'), 'utf8'), password)
  t.equal(statSync(join(dir, 'admin')).mode & 0o777, 0o600)
})

t.test('a password that cannot be written is told with its path and what to do', async t => {
  const dir = t.testdir({})
  const entropy = new SystemEntropy()
  const nowhere = join(dir, 'gone')
  t.throws(() => writeAdmin(nowhere, 'x', entropy), {
    message: `${nowhere}/admin: the administrator's password cannot be written: there is no such file or folder. Check the path.`,
  })
  mkdirSync(join(dir, 'admin.new'))
  t.throws(() => writeAdmin(dir, 'x', entropy), /cannot be written: it is a folder/)
  t.notOk(hasAdmin(dir))
})
