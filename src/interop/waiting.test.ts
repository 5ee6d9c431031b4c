import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Baresip } from './baresip.ts'
import { BoxProcess } from './box.ts'
import type { ClientOptions } from './client.ts'
import { JsSipClient } from './jssip.ts'
import { freePorts } from './ports.ts'
import { isPassedOver } from './program.ts'
import { SipJsClient } from './sipjs.ts'
import { until } from './until.ts'

/** After its start a box spreads what it tells over half a minute. */
const TOLD_MS = 45_000

t.setTimeout(120_000)

interface WaitingBox {
  readonly box: BoxProcess
  optionsOf(user: string, transport: 'udp' | 'tcp' | 'ws'): ClientOptions
}

/** A box that pushes nothing. */
async function waitingBox(t: Test, headers = 'second'): Promise<WaitingBox> {
  const dir = t.testdir({})
  const [wsPort] = await freePorts(1)
  const toml = `sip_ws = "127.0.0.1:${wsPort}"\n[delivery]\nactive_default = false\n[mwi]\nheaders = "${headers}"\n`
  const box = await BoxProcess.start(join(dir, 'box'), { users: ['alice', 'bob'], toml })
  t.teardown(() => box.discard())
  return {
    box,
    optionsOf: (user, transport) => ({
      user,
      contact: user === 'alice' ? 'bob' : 'alice',
      boxPort: transport === 'ws' ? wsPort! : box.sipPort,
      transport,
      dir: join(dir, user),
      isWatching: user === 'bob',
    }),
  }
}

/** Bob takes no message himself, so that they wait. */
async function write(t: Test, { optionsOf }: WaitingBox, texts: readonly string[]): Promise<void> {
  const alice = SipJsClient.start(optionsOf('alice', 'ws'))
  t.teardown(() => alice.leave())
  await alice.registered()
  for (const text of texts) await alice.send('bob', text)
}

const isWhole = (body: string, count: number): boolean =>
  body.startsWith('Messages-Waiting: yes\r\nMessage-Account: sip:bob@example.org\r\n') &&
  body.includes(`\r\nText-Message: ${count}/0 (0/0)\r\n`)

const messagesIn = (bodies: readonly string[]): number =>
  new Set(bodies.flatMap(body => [...body.matchAll(/^Message-ID: (.*)\r$/gm)].map(([, id]) => id))).size

for (const [name, start] of [
  ['JsSIP', JsSipClient.start],
  ['SIP.js', SipJsClient.start],
] as const)
  t.test(
    `DM-MWI-01 to DM-MWI-03: ${name} subscribes over WebSocket and is told the counts, then the headers`,
    async t => {
      const site = await waitingBox(t)
      await write(t, site, ['Supper is at eight', 'Bring wine'])
      const client = start(site.optionsOf('bob', 'ws'))
      t.teardown(() => client.leave())
      await client.registered()
      const told = await client.watch('bob')
      await until(`both: ${told.join('\n')}`, TOLD_MS, () => messagesIn(told) === 2)
      t.notMatch(told[0], /^Message-ID/m, 'RFC 3842 3.5')
      t.ok(told.every(body => isWhole(body, 2)))
    },
  )

t.test(
  'DM-MWI-01, RFC 6665: baresip subscribes by itself, is told, and still is past a SIGKILL of the box',
  async t => {
    if (isPassedOver(t, 'baresip')) return
    // Of a body with headers in it baresip 1.0 shows nothing: it has more octets than its line.
    const site = await waitingBox(t, 'off')
    await write(t, site, ['Supper is at eight'])
    const client = Baresip.start(site.optionsOf('bob', 'udp'))
    t.teardown(() => client.leave())
    await client.registered()
    const shown = (count: number): boolean => client.out.includes(`Text-Message: ${count}/0`)
    await until(`${client.out}: the counts`, TOLD_MS, () => shown(1))
    await site.box.kill()
    const before = client.out.length
    await site.box.start()
    await until(`${client.out}: once more`, TOLD_MS, () => client.out.slice(before).includes('Text-Message: 1/0'))
    t.ok((await site.box.metric('restante_subscriptions_restored_total')) >= 1)
  },
)
