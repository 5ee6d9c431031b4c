import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { WebSocket } from 'ws'
import { loadConfig } from '../base/config.ts'
import { type Log, silentLog } from '../base/log.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { HostStore } from '../testing/host-store.ts'
import { Administrators } from './administrators.ts'
import type { ServeOptions } from './box-options.ts'
import { SystemEntropy } from './entropy.ts'
import { FolderLock } from './lock.ts'
import { Box } from './serve.ts'

const configOf = (dataDir: string, more = '') => {
  const text = `domain = "example.org"
    data_dir = "${dataDir}"
    [listen]
    sip_udp = ["127.0.0.1:0", "[::1]:0"]
    sip_tcp = "127.0.0.1:0"
    msrp_tcp = "127.0.0.1:0"
    http = "127.0.0.1:0"
    ${more}`
  const loaded = loadConfig(text, 'test.toml')
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  return loaded.config
}

const optionsOf = (dataDir: string, store: HostStore, more: Partial<ServeOptions> = {}): ServeOptions => ({
  config: configOf(dataDir),
  log: silentLog,
  entropy: new SystemEntropy(),
  makeEngine: async () => new EchoEngine(),
  openStore: async () => store,
  ...more,
})

t.test('bytes go from the socket through engine and store and back; a stop closes everything', async t => {
  const dir = t.testdir({})
  const store = new HostStore()
  const engine = new EchoEngine()
  const box = await Box.start(optionsOf(dir, store, { makeEngine: async () => engine }))
  t.equal(box.sip.length, 3)
  t.match(box.msrp, [{ transport: 'tcp' }])
  const socket = createConnection(box.sip[2]!.endpoint.port, '127.0.0.1')
  socket.write('hello')
  t.equal(`${(await once(socket, 'data'))[0]}`, 'hello')
  const metrics = await (await fetch(`http://127.0.0.1:${box.http[0]!.port}/metrics`)).text()
  t.match(metrics, 'restante_echo_waiting 0')
  const closed = once(socket, 'close')
  await box.stop()
  await closed
  t.ok(engine.stoppedAt)
  t.ok(store.isClosed)
  const lock = await FolderLock.take(dir)
  t.ok(lock, 'the folder is free again')
  lock?.release()
})

t.test('whoever waits for a commit when the box is stopped still gets the answer', async t => {
  const store = new HostStore()
  const box = await Box.start(optionsOf(t.testdir({}), store))
  const socket = createConnection(box.sip[2]!.endpoint.port, '127.0.0.1')
  await once(socket, 'connect')
  const parts: Buffer[] = []
  socket.on('data', bytes => parts.push(bytes))
  const asked = store.asked.length
  socket.write('late')
  while (store.asked.length === asked) await new Promise(setImmediate)
  await Promise.all([box.stop(), once(socket, 'close')])
  t.equal(`${Buffer.concat(parts)}`, 'late')
})

t.test('a second box on the same folder is refused with the process id of the first', async t => {
  const dir = t.testdir({})
  const box = await Box.start(optionsOf(dir, new HostStore()))
  await t.rejects(Box.start(optionsOf(dir, new HostStore())), {
    message: `data_dir: ${dir} is in use by the restante that runs as process ${process.pid}. Stop that one, or choose another data_dir.`,
  })
  await box.stop()
})

t.test('the very first start makes the accounts and the administrator’s password, no later one does', async t => {
  const dir = t.testdir({})
  const store = new HostStore()
  const first = await Box.start(optionsOf(dir, store, { firstAccounts: ['alice', 'bob'] }))
  await first.stop()
  t.same(
    first.credentials.map(({ name }) => name),
    ['admin', 'sip:alice@example.org', 'sip:bob@example.org'],
  )
  t.equal(new Set(first.credentials.map(({ password }) => password)).size, 3)
  t.ok(
    (await Administrators.open(dir, new SystemEntropy(), Date.now).roleWith(
      'admin',
      first.credentials[0]!.password,
    )) === 'admin',
  )
  const alice = store.model.execute({ verb: 'account.get', aor: 'sip:alice@example.org' })
  t.match(alice, { origin: 'store', ha1Md5: /^[0-9a-f]{32}$/, ha1Sha256: /^[0-9a-f]{64}$/ })
  const second = await Box.start(optionsOf(dir, store, { firstAccounts: ['alice', 'bob'] }))
  await second.stop()
  t.same(second.credentials, [])
  t.same(store.model.execute({ verb: 'account.get', aor: 'sip:alice@example.org' }), alice)
})

t.test('accounts of the file are provisioned, and one that the store has too is logged', async t => {
  const dir = t.testdir({})
  const store = new HostStore()
  const account = { aor: 'sip:bob@example.org', ha1Md5: 'b'.repeat(32), origin: 'store' } as const
  store.model.execute({ verb: 'account.put', account })
  const warnings: unknown[] = []
  const log: Log = { ...silentLog, warn: (msg, fields) => warnings.push([msg, fields]) }
  const users = ['alice', 'bob'].map(user => `[[user]]\naor = "sip:${user}@example.org"\npassword = "secret"\n`)
  const box = await Box.start(optionsOf(dir, store, { config: configOf(dir, users.join('')), log }))
  await box.stop()
  t.match(store.model.execute({ verb: 'account.get', aor: 'sip:alice@example.org' }), { origin: 'file' })
  t.same(store.model.execute({ verb: 'account.get', aor: account.aor }), account)
  t.match(warnings, [[/exists in the store too/, { aor: account.aor }]])
})

t.test('where a listener cannot be opened nothing stays open', async t => {
  const dir = t.testdir({})
  const taken = await Box.start(optionsOf(join(dir, 'first'), new HostStore()))
  const config = configOf(join(dir, 'second'))
  config.listen.http = `127.0.0.1:${taken.http[0]!.port}`
  const store = new HostStore()
  await t.rejects(Box.start(optionsOf(dir, store, { config })), /^listen\.http: cannot listen on TCP/)
  t.ok(store.isClosed)
  const lock = await FolderLock.take(join(dir, 'second'))
  t.ok(lock)
  lock?.release()
  await taken.stop()
})

t.test('a first start whose listener cannot be opened leaves a first start to come', async t => {
  const dir = t.testdir({})
  const taken = await Box.start(optionsOf(join(dir, 'first'), new HostStore()))
  const config = configOf(join(dir, 'second'))
  config.listen.http = `127.0.0.1:${taken.http[0]!.port}`
  const store = new HostStore()
  const firstAccounts = ['alice']
  await t.rejects(Box.start(optionsOf(dir, store, { config, firstAccounts })), /cannot listen on/)
  await taken.stop()
  t.notOk(existsSync(join(dir, 'second', 'admin')))
  t.equal(store.model.execute({ verb: 'account.get', aor: 'sip:alice@example.org' }), undefined)
  const again = await Box.start(optionsOf(dir, store, { config, firstAccounts }))
  await again.stop()
  t.same(
    again.credentials.map(({ name }) => name),
    ['admin', 'sip:alice@example.org'],
  )
})

t.test('a store that cannot be read or written at the start is a plain message', async t => {
  const store = new HostStore()
  store.failure = { failure: 'io', detail: 'EIO' }
  await t.rejects(
    Box.start(optionsOf(t.testdir({}), store)),
    /the store cannot be used: its medium failed \(EIO\)\. Look into/,
  )
})

t.test(
  'RFC 7118, RFC 4975 14: every listener over TLS and WebSocket, with a certificate made at the first start',
  async t => {
    const dir = t.testdir({})
    const config = configOf(dir)
    const at = '127.0.0.1:0'
    Object.assign(config.listen, { sip_tls: at, sip_ws: at, sip_wss: ['[::1]:0', at], msrp_tls: at })
    let fingerprint = ''
    const makeEngine: ServeOptions['makeEngine'] = async ({ localFingerprint }) => {
      fingerprint = localFingerprint!()
      return new EchoEngine()
    }
    const box = await Box.start(optionsOf(dir, new HostStore(), { config, makeEngine }))
    t.same(
      box.sip.slice(3).map(({ transport }) => transport),
      ['tls', 'ws', 'wss', 'wss'],
    )
    t.same(
      box.msrp.map(({ transport }) => transport),
      ['tcp', 'tls'],
    )
    t.ok(box.certificates?.isSelfSigned)
    t.equal(box.certificates?.fingerprint, fingerprint)
    const ca = box.certificates!.pair.certificate
    for (const [index, { transport, endpoint }] of [...box.sip.slice(3), box.msrp[1]!].entries()) {
      if (transport === 'ws') continue
      const socket = connectTls({ ...endpoint, host: endpoint.address, ca })
      await once(socket, 'secureConnect')
      t.ok(socket.authorized, `${index} ${transport}: the addresses of this machine stand in it`)
      socket.destroy()
    }
    const webSocket = new WebSocket(`ws://127.0.0.1:${box.sip[4]!.endpoint.port}`, 'sip')
    await once(webSocket, 'open')
    webSocket.send('hello')
    t.equal(`${(await once(webSocket, 'message'))[0]}`, 'hello')
    await Promise.all([box.stop(), once(webSocket, 'close')])
  },
)

t.test('without a listener that needs it no certificate is made', async t => {
  const dir = t.testdir({})
  const box = await Box.start(optionsOf(dir, new HostStore()))
  await box.stop()
  t.equal(box.certificates, undefined)
  t.notOk(existsSync(join(dir, 'tls')))
})
