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
