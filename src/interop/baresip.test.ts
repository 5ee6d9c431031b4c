import t from 'tap'
import { whileAway } from './away.ts'
import { Baresip } from './baresip.ts'
import { isPassedOver } from './program.ts'

t.setTimeout(120_000)

for (const transport of ['udp', 'tcp'] as const)
  t.test(`RFC 3428, RFC 7616: baresip writes to an absent baresip over ${transport}, and back`, async t => {
    if (isPassedOver(t, 'baresip')) return
    await whileAway(
      t,
      transport,
      options => Baresip.start(options),
      options => Baresip.start(options),
    )
  })
