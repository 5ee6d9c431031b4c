/** A phone inside the guest's network, for try.ts: `store N` sends messages to somebody who is away, `take N` registers there and takes them. */
import { RealPhone } from '../../../src/interop/real-phone.ts'
import { until } from '../../../src/interop/until.ts'

const SIP_PORT = 5060
const WAIT_MS = 60_000

const [what = '', count = '1'] = process.argv.slice(2)
const open = (user: string) => RealPhone.open({ user, transport: 'tcp', boxPort: SIP_PORT })

if (what === 'store') {
  const alice = await open('alice')
  for (let at = 0; at < Number(count); at++) {
    const { status } = await alice.message({ to: 'sip:bob@example.org', body: `Message ${at}` })
    console.log(status)
  }
} else {
  const bob = await open('bob')
  await bob.register()
  await until(`${count} messages`, WAIT_MS, () => bob.inbox.taken.length >= Number(count))
  console.log(bob.inbox.taken.length)
}
process.exit(0)
