import { hostname } from 'node:os'
import { type Config, httpListeners } from '../base/config.ts'
import type { WebServices } from '../services/services.ts'
import { machineAddresses } from './addresses.ts'
import type { Machine } from './machine.ts'
import { About } from './packages.ts'
import type { People } from './people.ts'

/** Only what the box has of its own; how its configuration is changed, and what stands in its log, is known to whoever started it. */
export type BoxServices = Omit<WebServices, 'configuration' | 'logs'>

/** What the page and the API are made with. */
export function webServices(
  config: Config,
  parts: Pick<
    BoxServices,
    'access' | 'store' | 'log' | 'status' | 'backups' | 'support' | keyof People | keyof Machine
  >,
): BoxServices {
  const secure = httpListeners(config).find(({ transport }) => transport === 'tls')
  const names = [config.hostname, config.domain, hostname(), ...config.web.hosts]
  return {
    ...parts,
    about: new About(),
    setup: { addresses: () => reachable(machineAddresses()) },
    hosts: names.map(name => name.toLowerCase()),
    securePort: secure?.endpoint.port,
    isPlainAllowed: config.web.plain_http,
  }
}

/** RFC 3927, RFC 4291 2.5.6: link-local addresses are of one cable, and mean nothing without naming it. */
const reachable = (addresses: readonly string[]): string[] =>
  [...new Set(addresses)]
    .filter(address => !/^(?:127\.|169\.254\.|::1$|fe[89ab])/i.test(address))
    .sort((a, b) => Number(a.includes(':')) - Number(b.includes(':')))
