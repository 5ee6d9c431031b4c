import type { Test } from 'tap'
import { type BoxOptions, BoxProcess, DOMAIN } from './box.ts'
import { askApi, finishSetup } from './browser.ts'
import { RealPhone } from './real-phone.ts'

/** A box whose first run is over: alice and carol are there, bob is away and something waits for him; histories are kept. */
export async function livedIn(t: Test, more: Partial<BoxOptions> = {}) {
  const box = await BoxProcess.start(t.testdir({}), {
    users: ['alice', 'bob', 'carol'],
    toml: '[history]\nactive_default = true\n',
    ...more,
  })
  t.teardown(() => box.discard())
  await finishSetup(box)
  const phones: RealPhone[] = []
  for (const user of ['alice', 'carol']) {
    const phone = await RealPhone.open({ user, transport: 'tcp', boxPort: box.sipPort })
    t.teardown(() => phone.close())
    await phone.register({ isInstantMessaging: true })
    phones.push(phone)
  }
  const [alice, carol] = phones as [RealPhone, RealPhone]
  for (let i = 0; i < 3; i++)
    for (const phone of [alice, carol]) await phone.message({ to: `sip:bob@${DOMAIN}`, body: `Message ${i}` })
  await alice.message({ to: `sip:carol@${DOMAIN}`, body: 'Here at once' })
  await askApi(box, '/users', { method: 'POST', body: { aor: 'dora' } })
  return { box, alice, carol }
}
