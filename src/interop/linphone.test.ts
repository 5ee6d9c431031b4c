import t from 'tap'
import { whileAway } from './away.ts'
import { Baresip } from './baresip.ts'
import { Linphone } from './linphone.ts'
import { isPassedOver } from './program.ts'

t.setTimeout(120_000)

for (const transport of ['udp', 'tcp'] as const)
  t.test(`RFC 3428, RFC 7616: linphone writes to an absent baresip over ${transport}, and back`, async t => {
    if (isPassedOver(t, 'linphone-daemon', 'baresip')) return
    await whileAway(
      t,
      transport,
      options => Linphone.start(options),
      options => Baresip.start(options),
    )
  })
