import { type Endpoint, hostPort } from '../../base/flow.ts'
import type { Who } from '../../services/access.ts'
import type { ConfigChanges, PageListener } from '../../services/configuration.ts'

/** Long enough to sign in again at another address, and short enough to wait for. */
export const TRIAL_S = 120
/** A change of the network that somebody has to walk over for. */
export const TRIAL_MAX_S = 3600

/** Whoever has a key can be the box; whoever names an authority can be any server that the box asks. */
const OF_KEYS = new Set(['tls.certificate', 'tls.key', 'tls.ca'])

/** Least role of those who may make this change. */
export const roleFor = (changes: ConfigChanges): 'admin' | 'operator' =>
  [...changes.keys()].some(key => OF_KEYS.has(key)) ? 'admin' : 'operator'

/** A change belongs to one session: two tabs of a browser share it, two administrators do not. */
export const ownerOf = ({ session, name }: Who): string => session ?? name

/** Where the page is, for whoever reaches the box as `host` now: a listener on all addresses is there under the same name. */
export const pageAddresses = (listeners: readonly PageListener[], host: string): string[] =>
  listeners.map(({ isSecure, ...endpoint }) => {
    const name = host.replace(/:\d*$/, '')
    return `${isSecure ? 'https' : 'http'}://${isWildcard(endpoint) ? `${name}:${endpoint.port}` : hostPort(endpoint)}/`
  })

const isWildcard = ({ address }: Endpoint): boolean => /^(0\.0\.0\.0|[0:]+)$/.test(address)
