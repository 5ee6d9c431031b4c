import { join } from 'node:path'
import type { Test } from 'tap'
import { BoxProcess, DOMAIN } from './box.ts'
import type { Client, ClientOptions } from './client.ts'
import { freePorts } from './ports.ts'
import { until } from './until.ts'

const STORED_MS = 10_000
const ARRIVAL_MS = 20_000

type Start = (options: ClientOptions) => Client | Promise<Client>

/** Two clients that are never there at the same time, over one box with the default settings. */
export async function whileAway(
  t: Test,
  transport: ClientOptions['transport'],
  first: Start,
  second: Start,
): Promise<void> {
  const dir = t.testdir({})
  const [wsPort] = transport.startsWith('ws') ? await freePorts(1) : []
  const toml = wsPort === undefined ? '' : `sip_${transport} = "127.0.0.1:${wsPort}"\n`
  const box = await BoxProcess.start(join(dir, 'box'), { users: ['alice', 'bob'], toml })
  t.teardown(() => box.discard())
  const come = async (start: Start, user: string, contact: string, times: string): Promise<Client> => {
    const client = await start({
      user,
      contact,
      boxPort: wsPort ?? box.sipPort,
      transport,
      dir: join(dir, `${user}${times}`),
    })
    t.teardown(() => client.leave())
    await client.registered()
    return client
  }
  const stored = async (count: number) =>
    until('it is kept', STORED_MS, async () => (await box.metric('restante_messages_stored_total')) === count)

  const alice = await come(first, 'alice', 'bob', '')
  await alice.send('bob', 'Supper is at eight')
  await alice.send('bob', 'Bring wine')
  await stored(2)
  t.notOk(alice.hasReceived('Supper is at eight'), 'an echo would prove nothing')
  await alice.leave()
  // Its contact goes with it or not; another message must not find it.
  const bob = await come(second, 'bob', 'alice', '')
  await until(`${bob.out}: both messages`, ARRIVAL_MS, () =>
    ['Supper is at eight', 'Bring wine'].every(text => bob.hasReceived(text)),
  )
  t.pass(`${transport}: what was written while he was away is there when he comes`)
  await box.kill()
  await box.start()
  await bob.send('alice', 'At nine')
  await until('it is kept', STORED_MS, async () => (await box.metric('restante_messages_stored_total')) === 1)
  await bob.leave()
  const again = await come(first, 'alice', 'bob', '-again')
  await until(`${again.out}: the answer`, ARRIVAL_MS, () => again.hasReceived('At nine'))
  t.pass(`${transport}: and so is the answer, past a SIGKILL of the box`)
  t.same((await box.restante('queue', `sip:alice@${DOMAIN}`)).out, `Nothing waits for sip:alice@${DOMAIN}.\n`)
}
