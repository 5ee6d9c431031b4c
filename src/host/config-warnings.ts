import { isDeepStrictEqual } from 'node:util'
import { type Config, httpListeners } from '../base/config.ts'
import type { ConfigWarning } from '../services/configuration.ts'

/** What may be meant, and still surprise whoever applies it. */
export function configWarnings(before: Config, after: Config): ConfigWarning[] {
  const warnings: ConfigWarning[] = []
  if (httpListeners(after).length === 0) warnings.push('no page')
  else if (isOpen(before) && !isOpen(after)) warnings.push('page is local')
  else if (!isDeepStrictEqual(httpListeners(before), httpListeners(after))) warnings.push('page moves')
  if (before.domain !== after.domain) warnings.push('domain')
  if (before.hostname !== after.hostname) warnings.push('hostname')
  if (before.auth.digest && !after.auth.digest) warnings.push('no digest')
  if (!trustsAll(before) && trustsAll(after)) warnings.push('trusts all')
  if (!before.web.plain_http && after.web.plain_http) warnings.push('plain page')
  return warnings
}

const trustsAll = ({ auth }: Config): boolean => auth.trusted_peers.some(peers => /\/0+$/.test(peers))

/** Whether anybody but the machine itself is let in somewhere. */
const isOpen = (config: Config): boolean =>
  httpListeners(config).some(
    ({ endpoint, transport }) =>
      !/^(127\.|::1$)/.test(endpoint.address) && (transport === 'tls' || config.web.plain_http),
  )
