import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../../base/log.ts'
import type { TestStep } from '../../services/diagnosis.ts'
import { SystemEntropy } from '../entropy.ts'
import { openStore } from '../open-store.ts'
import { ReducedBox } from './reduced.ts'

t.test('a stopped box: whether anybody listens where it would, and whether others are reached', async t => {
  const other = createServer(socket => void socket.resume().on('error', () => {}))
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const own = (free.address() as AddressInfo).port
  await new Promise(resolve => free.close(resolve))

  const dir = t.testdir({ data: {} })
  const file = join(dir, 'restante.toml')
  const at = `"127.0.0.1:${own}"`
  const text = `domain = "example.org"\ndata_dir = "${join(dir, 'data')}"\n[listen]\nsip_udp = ""\nsip_tcp = ${at}\nsip_tls = "127.0.0.1:1"\nmsrp_tcp = ${at}\n`
  writeFileSync(file, text)
  const box = new ReducedBox({ file, why: 'it is stopped', openStore, entropy: new SystemEntropy(), log: silentLog })
  t.teardown(() => box.close())
  const { testSip, testMsrp } = box.services.diagnosis!
  const { signal } = new AbortController()
  const steps = async (test: AsyncIterable<TestStep>): Promise<TestStep[]> => {
    const all: TestStep[] = []
    for await (const step of test) all.push(step)
    return all
  }
  t.match(await steps(testMsrp(undefined, signal)), [{ isOk: false, result: /refused/ }])
  const [tcp] = await steps(testSip(undefined, signal))
  t.match(tcp, { what: `OPTIONS to 127.0.0.1:${own} over TCP`, isOk: false, result: /refused/ })
  const { port } = other.address() as AddressInfo
  t.match(await steps(testMsrp(`127.0.0.1:${port}`, signal)), [{ isOk: true, result: /^connected/ }])
  t.match(await steps(testSip(`sips:127.0.0.1:${port}`, signal)), [
    { isOk: false, result: /Over TLS the service alone/ },
  ])
})
