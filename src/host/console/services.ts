import type { Config } from '../../base/config.ts'
import { VERSION } from '../../base/product.ts'
import type { ConsoleServices } from '../../console/services.ts'
import type { ConfigurationService } from '../../services/configuration.ts'
import type { Diagnosis } from '../../services/diagnosis.ts'
import type { LogService } from '../../services/logs.ts'
import { firstPassword } from '../service/first-password.ts'
import type { BoxServices } from '../web-services.ts'
import { alarmWords } from './alarm-words.ts'
import { machineFiles } from './files.ts'

interface Known {
  readonly config: Config
  readonly configuration: ConfigurationService
  readonly logs: LogService
  readonly diagnosis: Diagnosis
}

/** What the page has, and what only a technician does. */
export function consoleServices(services: BoxServices, { config, ...known }: Known): ConsoleServices {
  const { hostname, domain, data_dir } = config
  const files = machineFiles({ dataDir: data_dir, reserveBytes: config.deferral.reserve_bytes })
  const shown = { alarmWords, firstPassword: () => firstPassword(data_dir) }
  return { ...services, ...known, ...shown, files, hostname, domain, version: VERSION }
}
