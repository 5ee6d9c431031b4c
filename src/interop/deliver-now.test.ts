import t from 'tap'
import { BoxProcess } from './box.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(120_000)

interface Queue {
  readonly messages: readonly { readonly id: string; readonly attempts: number }[]
}

t.test('what a real box holds back for an hour goes out when an administrator asks for it', async t => {
  const box = await BoxProcess.start(t.testdir({}), {
    users: ['alice', 'bob'],
    toml: '[delivery]\nretry_min_s = 3600\nretry_max_s = 3600',
  })
  t.teardown(() => box.discard())
  const [, password] = /^ +admin +(\S+)$/m.exec(box.out)!
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
  const call = (path: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${box.httpPort}/api/v1/queue${path}`, { method, headers: { authorization } })
  const queue = async () => (await (await call('?user=bob')).json()) as Queue
  const alice = await RealPhone.open({ user: 'alice', transport: 'tcp', boxPort: box.sipPort })
  const bob = await RealPhone.open({ user: 'bob', transport: 'tcp', boxPort: box.sipPort })
  t.teardown(() => Promise.all([alice, bob].map(phone => phone.close())))
  t.equal((await alice.message({ to: 'sip:bob@example.org', body: 'hello' })).status, 202)
  const [{ id }] = (await queue()).messages as [Queue['messages'][number]]
  const path = `/${encodeURIComponent(id)}/deliver`
  t.equal((await call(path, 'POST')).status, 409, 'nobody is registered')
  bob.phone.behaviour.message = () => 486
  t.equal(await bob.register(), 200)
  await until('it was refused', 15_000, async () => ((await queue()).messages[0]?.attempts ?? 0) > 0)
  bob.phone.behaviour.message = () => 200
  t.equal((await call(path, 'POST')).status, 202)
  await until('it is delivered', 15_000, async () => (await queue()).messages.length === 0)
  t.same(
    bob.inbox.taken.map(({ body }) => body.toString()),
    ['hello'],
  )
})
