import type { Entropy } from '../../base/entropy.ts'
import type { Listening } from '../listening.ts'
import { healthzHeard } from './http-test.ts'
import type { Heard, Limited } from './limited.ts'
import { msrpHeard } from './msrp-test.ts'
import { ownPlace, ownSip } from './network-tests.ts'
import { optionsHeard } from './sip-test.ts'

interface Asking {
  /** Of this box. */
  readonly hostname: string
  readonly entropy: Entropy
}

/** What a stranger who needs no account would ask that listener. Any answer will do: whoever refuses lives. Never rejects. */
export function askOwn(asking: Asking, listener: Listening, limited: Limited): Promise<Heard<unknown>> {
  const { use, transport } = listener
  if (use === 'SIP') return optionsHeard({ ...asking, ...ownSip(listener) }, limited)
  const place = ownPlace(listener)
  if (use === 'HTTP') return healthzHeard(place, limited)
  return transport === 'tcp' || transport === 'tls'
    ? msrpHeard({ ...asking, place, isOwn: true }, limited)
    : Promise.resolve({ failure: 'MSRP has no such transport.' })
}
