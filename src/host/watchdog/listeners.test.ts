import { Socket as Datagrams } from 'node:dgram'
import { once } from 'node:events'
import { connect, Server } from 'node:net'
import t, { type Test } from 'tap'
import { loadConfig } from '../../base/config.ts'
import { silentLog } from '../../base/log.ts'
import { Engine } from '../../engine.ts'
import { HostStore } from '../../testing/host-store.ts'
import { SystemEntropy } from '../entropy.ts'
import { Box } from '../serve.ts'
import { silentNotifier } from '../service/notifier.ts'
import { watchedFromTheStart } from '../watched-counters.ts'
import { BoxWatch } from './box-watch.ts'

const DOORS = `sip_udp = ["0.0.0.0:0", "[::1]:0"]
sip_tcp = "0.0.0.0:0"
sip_tls = "127.0.0.1:0"
sip_ws = "127.0.0.1:0"
sip_wss = "127.0.0.1:0"
msrp_tcp = "127.0.0.1:0"
msrp_tls = "127.0.0.1:0"
http = "127.0.0.1:0"
https = "127.0.0.1:0"`
const COUNT = 10

/** What the box logged as such. */
const errors: string[] = []

/** Everything that this process listens with: what a defect, or the system, takes away behind the back of the box. */
const listening = (): (Server | Datagrams)[] =>
  (process as unknown as { _getActiveHandles(): unknown[] })
    ._getActiveHandles()
    .filter(handle => handle instanceof Server || handle instanceof Datagrams)

/** Not the control socket, nor a socket that asks. */
const isListener = (handle: Server | Datagrams): boolean =>
  handle.listenerCount('connection') + handle.listenerCount('message') > 0

/** A whole box with these listeners, and what it listens with. */
async function opened(t: Test, doors: string) {
  const text = `domain = "example.org"\ndata_dir = "${t.testdir({})}"\n[deferral]\nreserve_bytes = 1\n[listen]\n${doors}\n`
  const loaded = loadConfig(text, 'test.toml')
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  const watch = new BoxWatch({ notifier: silentNotifier, log: silentLog, isManaged: false })
  const before = new Set(listening())
  const box = await Box.start({
    config: loaded.config,
    log: { ...silentLog, error: msg => void errors.push(msg) },
    entropy: new SystemEntropy(),
    makeEngine: async parts => new Engine({ ...parts, isSelfTesting: false }),
    openStore: async () => new HostStore({ freeBytes: () => 10_000_000_000 }),
    watch,
  })
  t.teardown(async () => {
    await box.stop()
    watch.close()
  })
  const handles = listening().filter(
    handle => !before.has(handle) && typeof handle.address() === 'object' && isListener(handle),
  )
  return { box, watch, trials: box.trials!, handles }
}

t.test('every kind of listener is asked as by a stranger, found closed, opened anew, and leaves no trace', async t => {
  const { box, watch, trials, handles } = await opened(t, DOORS)
  await trials.round()
  t.same(trials.view, { answering: COUNT, silent: [], untold: [] })
  const worthAnAlarm = Object.keys(watchedFromTheStart().describe())
  const counted = box.counters.describe()
  for (const name of worthAnAlarm)
    t.same(
      Object.values(counted[name] ?? {}).filter(count => count > 0),
      [],
      name,
    )
  t.match(counted, { listener_trials: { answered: COUNT } })

  const tcp = box.sip.find(({ transport }) => transport === 'tcp')!.endpoint.port
  const client = connect(tcp, '127.0.0.1')
  await once(client, 'connect')
  t.teardown(() => client.destroy())
  t.equal(handles.length, COUNT)
  for (const handle of handles) handle.close()
  await trials.round()
  t.equal(trials.view.silent.length, 0, 'once is no time')
  await trials.round()
  t.equal(trials.view.silent.length, COUNT)
  await watch.tick()
  t.match(watch.state.view, { condition: 'degraded', reason: /^no answer of SIP UDP .*refused.*HTTP TLS/ })
  t.equal(watch.figures.listeners?.silent.length, COUNT)
  t.match(watch.describe(), { progress: { listenersSilent: COUNT } })
  await trials.round()
  t.same(trials.view, { answering: COUNT, silent: [], untold: [] }, 'at the same addresses')
  await watch.tick()
  t.equal(watch.state.view.condition, 'ready')
  t.match(box.counters.describe(), { listeners_reopened: { SIP: 6, MSRP: 2, HTTP: 2 } })
  t.equal(client.destroyed, false, 'who is connected stays so')
})

t.test('one whose port was taken meanwhile stays closed, is told, and is opened when the port is free', async t => {
  const alone = 'sip_udp = ""\nsip_tcp = "127.0.0.1:0"\nmsrp_tcp = ""\nhttp = ""'
  const { box, trials, handles } = await opened(t, alone)
  await trials.round()
  const { port } = box.sip[0]!.endpoint
  for (const handle of handles) handle.close()
  const other = new Server(socket => socket.destroy()).listen(port, '127.0.0.1')
  await once(other, 'listening')
  await trials.round()
  await trials.round()
  t.match(trials.view.silent, [{ name: `SIP TCP 127.0.0.1:${port}`, reason: /cannot be opened anew: .*EADDRINUSE/ }])
  await new Promise(resolve => other.close(resolve))
  await trials.round()
  await trials.round()
  t.same(trials.view, { answering: 1, silent: [], untold: [] })
})

t.test('a box whose listeners are closed stops in order', async t => {
  const { box, trials, handles } = await opened(
    t,
    'sip_udp = "127.0.0.1:0"\nsip_tcp = ""\nmsrp_tcp = ""\nhttp = "127.0.0.1:0"',
  )
  await trials.round()
  errors.length = 0
  for (const handle of handles) handle.close()
  await trials.round()
  await box.stop()
  t.same([trials.view.silent, errors], [[], []])
})
