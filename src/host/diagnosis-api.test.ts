import t from 'tap'
import { basic, OpenedPage } from './page.fixture.ts'

const PATH = '/api/v1/test'
const PASSWORD = 'a lamp for the cellar'

t.test('tests on the spot over the API, and who may have them', async t => {
  const page = await OpenedPage.open(t.testdir({}))
  t.teardown(() => page.close())
  await page.access.changePassword('admin', PASSWORD)
  page.access.finishSetup()
  for (const role of ['operator', 'viewer'] as const) await page.access.addAdministrator(`some-${role}`, role, PASSWORD)
  const ask = async (json: object, name = 'admin') => {
    const { status, body } = await page.ask(PATH, { json, headers: basic(name, PASSWORD) })
    return { status, told: JSON.parse(body) }
  }
  const disk = await ask({ what: 'disk' }, 'some-operator')
  t.match(disk, { status: 200, told: { steps: [{ what: /File system/, passed: true }] } })
  t.ok(disk.told.steps.some(({ what }: { what: string }) => what.includes('record of the store')))
  const msrp = await ask({ what: 'msrp', target: 'nothing' })
  t.match(msrp, { status: 200, told: { passed: false, steps: [{ passed: false, result: /host:port/ }] } })
  t.equal((await ask({ what: 'sip', target: 'sip:127.0.0.1' }, 'some-operator')).status, 403)
  t.equal((await ask({ what: 'disk' }, 'some-viewer')).status, 403)
  t.equal((await ask({ what: 'disk', target: '/' })).status, 422)
  for (const json of [{ what: 'door' }, {}, { what: 'sip', target: '' }]) t.equal((await ask(json)).status, 400)
})
