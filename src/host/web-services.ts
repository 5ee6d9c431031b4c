import { hostname } from 'node:os'
import { type Config, httpListeners } from '../base/config.ts'
import type { WebServices } from '../web/services/services.ts'

/** Only what the box has of its own; how its configuration is changed is known to whoever started it. */
export type BoxServices = Omit<WebServices, 'configuration'>

/** What the page and the API are made with. */
export function webServices(config: Config, parts: Pick<BoxServices, 'access' | 'store' | 'log'>): BoxServices {
  const secure = httpListeners(config).find(({ transport }) => transport === 'tls')
  const names = [config.hostname, config.domain, hostname(), ...config.web.hosts]
  return {
    ...parts,
    hosts: names.map(name => name.toLowerCase()),
    securePort: secure?.endpoint.port,
    isPlainAllowed: config.web.plain_http,
  }
}
