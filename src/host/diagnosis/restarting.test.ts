import t from 'tap'
import { silentLog } from '../../base/log.ts'
import { Again } from './again.ts'
import { factoryReset, reload } from './restarting.ts'

const parts = { dataDir: '/nonexistent', log: silentLog }

t.test('the machine is restarted by the system, or it is said why not', async t => {
  t.equal(await reload({ ...parts, reboot: async () => undefined }, 'machine', 'admin'), undefined)
  const refused = await reload({ ...parts, reboot: async () => 'Access denied' }, 'machine', 'admin')
  t.match(refused, /Access denied.*Switch it off and on/)
})

t.test('a box that cannot start anew by itself says so, and marks nothing', async t => {
  t.match(await reload(parts, 'service', 'admin'), /Stop it, and start it again/)
  t.match(factoryReset(parts, 'full', 'admin'), /Stop it, and start it again/)
})

t.test('a reset that cannot be marked starts nothing anew', async t => {
  const again = new Again()
  t.match(factoryReset({ ...parts, again }, 'config', 'admin'), /cannot be written.*Nothing is reset/)
  t.notOk(again.isAsked)
})
