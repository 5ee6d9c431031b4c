import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BoxProcess } from './box.ts'
import { REGISTER_MS } from './client.ts'
import { Linphone } from './linphone.ts'
import { isPassedOver } from './program.ts'
import { until } from './until.ts'

t.setTimeout(120_000)

t.test('linphone fetches its account from the address of the code, and registers with it', async t => {
  if (isPassedOver(t, 'linphone-daemon')) return
  const box = await BoxProcess.start(t.testdir({}), { users: ['alice'] })
  t.teardown(() => box.discard())
  const [, password] = /^ +admin +(\S+)$/m.exec(box.out)!
  const api = async (path: string, method: string, body: object = {}) => {
    const answer = await fetch(`http://127.0.0.1:${box.httpPort}/api/v1/users${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
        ...(method === 'POST' && { 'content-type': 'application/json' }),
      },
      ...(method === 'POST' && { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as { path: string; bindings: readonly { transport: string; flow: string }[] }
  }
  await api('', 'POST', { aor: 'bob' })
  const { path } = await api('/bob/provisioning', 'POST')
  const dir = join(t.testdirName, 'bob')
  mkdirSync(dir)
  const linphone = Linphone.provisioned(dir, `http://127.0.0.1:${box.httpPort}${path}`)
  t.teardown(() => linphone.leave())
  // Its command line knows nothing of accounts that were fetched.
  const bindings = await until('linphone is registered', REGISTER_MS, async () => {
    const found = (await api('/bob/bindings', 'GET')).bindings
    return found.length > 0 && found
  })
  t.match(bindings, [{ transport: 'tcp', flow: 'open' }])
})
