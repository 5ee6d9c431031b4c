import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../base/config.ts'
import type { Log } from '../base/log.ts'
import type { WebServices } from '../services/services.ts'
import { machineAddresses } from './addresses.ts'
import { CertificateDesk } from './certificate-desk.ts'
import type { Certificates } from './certificates.ts'
import { certificatesApi } from './certificates-api.ts'
import type { Clock } from './clock.ts'
import { configurationApi } from './configuration-api.ts'
import { logsApi } from './logs-api.ts'
import { openApi } from './openapi-route.ts'
import { SystemTime } from './system-time.ts'
import { timeApi } from './time-api.ts'

interface MachineParts {
  readonly config: Config
  readonly dataDir: string
  readonly clock: Clock
  /** Undefined where nothing speaks TLS. */
  readonly certificates: Certificates | undefined
  readonly log: Log
}

/** What the page and the API look after beside messages and people. */
export type Machine = Pick<WebServices, 'certificates' | 'time'>

export function machine({ config, dataDir, clock, certificates, log }: MachineParts): Machine {
  const { hostname, domain } = config
  const wall = (): number | undefined => {
    const now = clock.now()
    return now.isWallTrusted ? now.wall : undefined
  }
  const names = { hostname, domain, addresses: machineAddresses() }
  return {
    certificates: new CertificateDesk({ config, dataDir, certificates, names, wall, log }),
    time: new SystemTime({ clock, log }),
  }
}

export const machineApis = (services: WebServices): FastifyPluginAsync[] => [
  configurationApi(services),
  certificatesApi(services),
  timeApi(services),
  logsApi(services),
  openApi(services),
]
