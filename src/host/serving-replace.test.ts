import { join } from 'node:path'
import t from 'tap'
import { type Config, loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { HostStore } from '../testing/host-store.ts'
import { SystemEntropy } from './entropy.ts'
import { PlainError } from './plain-error.ts'
import { Serving } from './serving.ts'

function configOf(dir: string, hostname: string): Config {
  const loaded = loadConfig(
    `domain = "example.org"\nhostname = "${hostname}"\ndata_dir = "${join(dir, 'data')}"\n[listen]\nsip_udp = "127.0.0.1:0"\nsip_tcp = ""\nmsrp_tcp = ""\nhttp = ""\n`,
    'restante.toml',
  )
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  return loaded.config
}

/** A box whose store cannot be opened under the name `bad`; `events` tells what was done, in its order. */
async function started(dir: string): Promise<{ serving: Serving; events: string[] }> {
  const events: string[] = []
  const openStore = async (_dir: string, { hostname }: Config): Promise<HostStore> => {
    events.push(`open ${hostname}`)
    if (hostname === 'bad') throw new PlainError('the store cannot be opened')
    const store = new HostStore()
    const close = store.close.bind(store)
    store.close = () => {
      events.push(`close ${hostname}`)
      return close()
    }
    return store
  }
  const parts = { log: silentLog, entropy: new SystemEntropy(), makeEngine: async () => new EchoEngine(), openStore }
  const serving = await Serving.start({ ...parts, config: configOf(dir, 'old') }, 0)
  t.teardown(() => serving.stop())
  return { serving, events }
}

t.test('other data come while the box stands, and it starts with them', async t => {
  const dir = t.testdir({})
  const { serving, events } = await started(dir)
  const run = async (): Promise<void> => void events.push('replaced')
  await serving.replace(configOf(dir, 'new'), { run, undo: () => void events.push('undone') })
  t.same(events, ['open old', 'close old', 'replaced', 'open new'])
})

t.test('data that cannot be put in their place: the box serves as before', async t => {
  const dir = t.testdir({})
  const { serving, events } = await started(dir)
  const run = async (): Promise<void> => {
    throw new PlainError('no room')
  }
  const done = serving.replace(configOf(dir, 'new'), { run, undo: () => void events.push('undone') })
  await t.rejects(done, { message: 'no room' })
  t.same(events, ['open old', 'close old', 'open old'])
})

t.test('data that the box does not start with: they go back before it serves as before', async t => {
  const dir = t.testdir({})
  const { serving, events } = await started(dir)
  const run = async (): Promise<void> => void events.push('replaced')
  const done = serving.replace(configOf(dir, 'bad'), { run, undo: () => void events.push('undone') })
  await t.rejects(done, { message: /cannot be opened/ })
  t.same(events, ['open old', 'close old', 'replaced', 'open bad', 'undone', 'open old'])
})
