import { existsSync, statSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { HostStore } from '../testing/host-store.ts'
import { ControlServer } from './control.ts'
import { ControlClient } from './control-client.ts'
import { controlPath, LINE_BYTES_MAX } from './control-wire.ts'

const account = { aor: 'sip:alice@example.org', ha1Md5: 'a'.repeat(32), origin: 'store' } as const

const setUp = async (dir: string) => {
  const store = new HostStore()
  const server = await ControlServer.open(dir, store)
  t.teardown(() => server.close())
  const client = await ControlClient.connect(dir)
  if (!client) throw new Error('nobody listens')
  t.teardown(() => client.close())
  return { store, server, client }
}

/** Without the client's manners. The descriptor of a long path is kept until the socket is closed. */
const rawConnection = (dir: string) => {
  const { path, release } = controlPath(dir)
  return createConnection(path).once('close', release)
}

t.test('verbs go to the store and their replies come back, without the keys of accounts', async t => {
  const { store, client } = await setUp(t.testdir({}))
  t.same(await client.ask('account.put', { account, mustBe: 'new' }), { value: 'put' })
  t.same(store.model.execute({ verb: 'account.get', aor: account.aor }), account, 'the key went in')
  const reply = await client.ask('account.get', { aor: account.aor })
  t.same(reply, { value: { aor: account.aor, origin: 'store' } }, 'and does not come out')
  t.same(await client.ask('account.get', { aor: 'sip:bob@example.org' }), { value: undefined })
  t.match(await client.hello(), { pid: process.pid })
})

t.test('a failure of the store is told as one', async t => {
  const { store, client } = await setUp(t.testdir({}))
  store.failure = { failure: 'io', detail: 'EIO' }
  t.same(await client.ask('account.list', { limit: 10 }), { failure: 'io', detail: 'EIO' })
})

t.test('only the owner may open the socket; one left over by a crash is in nobody’s way', async t => {
  const dir = t.testdir({})
  writeFileSync(join(dir, 'control'), '')
  await setUp(dir)
  t.equal(statSync(join(dir, 'control')).mode & 0o777, 0o600)
})

t.test('a data folder whose path is longer than a socket address works as well', async t => {
  const dir = t.testdir({ ['d'.repeat(120)]: {} })
  const { client } = await setUp(join(dir, 'd'.repeat(120)))
  t.match(await client.hello(), { pid: process.pid })
  t.ok(existsSync(join(dir, 'd'.repeat(120), 'control')))
})

t.test('where nobody listens there is no client', async t => {
  t.equal(await ControlClient.connect(t.testdir({})), undefined)
})

t.test('verbs that are the engine’s own, and what is no request at all, are refused', async t => {
  const dir = t.testdir({})
  const { store } = await setUp(dir)
  const bad = ['{"verb":"confirm","request":{"aor":"sip:alice@example.org","seq":1}}', 'nonsense', 'null', '[]', '']
  for (const line of bad) {
    const socket = rawConnection(dir)
    socket.write(`${line}\n`)
    const reply = await new Promise(resolve => socket.once('data', resolve))
    t.match(`${reply}`, /"refused"/, line)
    socket.destroy()
  }
  t.same(store.asked, [])
})

t.test('a line without end is cut off', async t => {
  const dir = t.testdir({})
  await setUp(dir)
  const socket = rawConnection(dir)
  socket.on('error', () => {})
  socket.write(Buffer.alloc(LINE_BYTES_MAX + 2, 0x20))
  await new Promise(resolve => socket.once('close', resolve))
  t.ok(socket.destroyed)
})

t.test('who asks on and on without reading is cut off', async t => {
  const dir = t.testdir({})
  await setUp(dir)
  const socket = rawConnection(dir).pause()
  socket.on('error', () => {})
  socket.write('{"verb":"hello"}\n'.repeat(400_000))
  await new Promise(resolve => socket.once('close', resolve))
  t.ok(socket.destroyed)
})
