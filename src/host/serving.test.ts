import { once } from 'node:events'
import { createConnection, createServer, type Server } from 'node:net'
import t, { type Test } from 'tap'
import { type Config, loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { HostStore } from '../testing/host-store.ts'
import { SystemEntropy } from './entropy.ts'
import { Serving } from './serving.ts'

/** TEST-NET-1: no machine has it, so nothing can listen there. */
const NOWHERE = '192.0.2.200:5070'

/** `sip` and `msrp`: where it listens. */
function configOf(dataDir: string, sip: string, msrp = ''): Config {
  const loaded = loadConfig(
    `domain = "example.org"\ndata_dir = "${dataDir}"\n[listen]\nsip_udp = ""\nsip_tcp = "${sip}"\nmsrp_tcp = "${msrp}"\nhttp = ""`,
    'test.toml',
  )
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  return loaded.config
}

/** A box whose store runs `whenOpened` before each start. */
async function serving(t: Test, whenOpened: (start: number) => Promise<void> | void = () => {}) {
  const dir = t.testdir({})
  const holder = await listening(0)
  const { port } = holder.address() as { port: number }
  await closed(holder)
  let starts = 0
  const options = {
    config: configOf(dir, `127.0.0.1:${port}`),
    log: silentLog,
    entropy: new SystemEntropy(),
    makeEngine: async () => new EchoEngine(),
    openStore: async () => {
      await whenOpened(++starts)
      return new HostStore()
    },
  }
  const box = await Serving.start(options, 1)
  t.teardown(() => box.stop())
  return { box, dir, port, starts: () => starts }
}

const listening = async (port: number): Promise<Server> => {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const closed = (server: Server): Promise<void> => new Promise(resolve => server.close(() => resolve()))

async function echo(port: number): Promise<string> {
  const socket = createConnection(port, '127.0.0.1')
  socket.write('hello')
  const [bytes] = await once(socket, 'data')
  socket.destroy()
  return `${bytes}`
}

t.test('served anew on the same port and on another; whoever was connected is not any more', async t => {
  const { box, dir, port } = await serving(t)
  const socket = createConnection(port, '127.0.0.1')
  await once(socket, 'connect')
  const ended = once(socket, 'close')
  await box.restart(configOf(dir, `127.0.0.1:${port}`))
  await ended
  t.equal(await echo(port), 'hello')
  await box.restart(configOf(dir, '127.0.0.1:0'))
  await t.rejects(echo(port), { code: 'ECONNREFUSED' })
  t.equal(await echo(box.box.sip[0]!.endpoint.port), 'hello')
})

t.test('what cannot be served is told, and the box serves as before', async t => {
  const { box, dir, port } = await serving(t)
  await t.rejects(box.restart(configOf(dir, NOWHERE)), /^listen\.sip_tcp: cannot listen on TCP 192\.0\.2\.200/)
  t.equal(await echo(port), 'hello')
  await t.rejects(box.restart(configOf('/proc/none', `127.0.0.1:${port}`)), /data_dir/)
  t.equal(await echo(port), 'hello')
})

t.test('what is in the way of going back, and leaves, is waited for', async t => {
  let holder: Server | undefined
  const { box, dir, port, starts } = await serving(t, async start => {
    if (start === 2) holder = await listening(port)
    if (start === 5) await closed(holder!)
  })
  await t.rejects(box.restart(configOf(dir, NOWHERE)), /192\.0\.2\.200/)
  t.equal(starts(), 5)
  t.equal(await echo(port), 'hello')
})

t.test('where neither can be served it ends, after whoever asked heard of it', async t => {
  let holder: Server | undefined
  const { box, dir, port } = await serving(t, async start => {
    if (start === 2) holder = await listening(port)
  })
  t.teardown(() => closed(holder!))
  const heard: string[] = []
  const ended = box.ended.then(({ message }) => heard.push(message))
  await box.restart(configOf(dir, NOWHERE)).catch(error => heard.push(error.message))
  await ended
  t.match(heard, [/192\.0\.2\.200/, new RegExp(`The box cannot serve any more: listen\\.sip_tcp: .*:${port}`)])
})

t.test('stopped while it starts anew: it does not come back', async t => {
  const { box, dir, port, starts } = await serving(t)
  const restarted = box.restart(configOf(dir, `127.0.0.1:${port}`))
  await Promise.all([box.stop(), restarted])
  t.equal(starts(), 1, 'a start that had not begun is left out')
  await t.rejects(echo(port), { code: 'ECONNREFUSED' })
  await box.restart(configOf(dir, `127.0.0.1:${port}`))
  t.equal(starts(), 1, 'for good')
})

t.test('stopped within a start: stopped after it', async t => {
  let stopping: Promise<void> | undefined
  const { box, dir, port } = await serving(t, start => {
    if (start === 2) stopping = box.stop()
  })
  await box.restart(configOf(dir, `127.0.0.1:${port}`))
  await stopping
  await t.rejects(echo(port), { code: 'ECONNREFUSED' })
})

t.test('of many restarts at a time each has its turn, and the last one stands', async t => {
  const { box, dir, port } = await serving(t)
  const all = [NOWHERE, '127.0.0.1:0', NOWHERE, `127.0.0.1:${port}`].map(sip =>
    box.restart(configOf(dir, sip)).then(
      () => 'served',
      () => 'failed',
    ),
  )
  t.same(await Promise.all(all), ['failed', 'served', 'failed', 'served'])
  t.equal(await echo(port), 'hello')
})
