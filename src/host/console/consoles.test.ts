import t from 'tap'
import { type Config, loadConfig } from '../../base/config.ts'
import { Counters } from '../../base/counters.ts'
import { silentLog } from '../../base/log.ts'
import { boxWith } from '../../console/box.fixture.ts'
import { HostStore } from '../../testing/host-store.ts'
import { ControlServer } from '../control.ts'
import { Consoles } from './consoles.ts'
import { StreamClient } from './stream-client.ts'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test(
  'each console has its own wrong passwords; a place that was just left is not the next one that is taken',
  async t => {
    const { box } = boxWith()
    const from: string[] = []
    const signIn = async (ask: { from: string }) => {
      from.push(ask.from)
      return { kind: 'wrong' as const }
    }
    const { config } = loadConfig('domain = "example.org"\n', 'test') as { config: Config }
    const consoles = new Consoles(silentLog)
    const services = { ...box, access: { ...box.access, signIn } } as never
    await consoles.use({ services, config, counters: new Counters() })
    const dir = t.testdir({})
    const server = await ControlServer.open(dir, new HostStore(), { consoles })
    t.teardown(async () => {
      server.close()
      await consoles.close()
    })

    const guess = async (): Promise<StreamClient> => {
      const client = await StreamClient.open(dir, { isPhysical: true, name: '/dev/ttyS9', columns: 80, rows: 24 })
      if ('why' in client) throw new Error(client.why)
      let text = ''
      client.use({ text: more => void (text += more), room: () => {}, ended: () => {} })
      client.keys(Buffer.from('admin\rwrong\r'))
      while (!text.includes('do not belong together')) await turn()
      return client
    }
    const staying = await guess()
    for (let i = 0; i < 4; i++) (await guess()).close()
    t.same(from, ['console 1', 'console 2', 'console 3', 'console 4', 'console 2'])
    staying.close()
  },
)

t.test('a line is opened anew when anything of it changes, and stays where nothing does', async t => {
  const { box } = boxWith()
  const tried: string[] = []
  const consoles = new Consoles({ ...silentLog, warn: msg => void tried.push(msg) })
  t.teardown(() => consoles.close())
  const device = `${t.testdir({})}/none`
  const use = (more: string): Promise<void> => {
    const text = `domain = "example.org"\n[console]\ndevice = "${device}"\n${more}`
    const { config } = loadConfig(text, 'test') as { config: Config }
    return consoles.use({ services: box, config, counters: new Counters() })
  }
  await use('')
  while (tried.length < 1) await turn()
  await use('')
  await use('flow_control = "rtscts"')
  while (tried.length < 2) await turn()
  await use('flow_control = "rtscts"')
  await use('flow_control = "rtscts"\nbaud = 9600')
  while (tried.length < 3) await turn()
  await use('flow_control = "rtscts"\nbaud = 9600')
  t.equal(tried.length, 3)
})
