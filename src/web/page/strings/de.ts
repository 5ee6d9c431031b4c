import * as access from './access.de.ts'
import * as account from './account.de.ts'
import { alarms } from './alarms.de.ts'
import { backups } from './backup.de.ts'
import { config } from './config.de.ts'
import { logs } from './logs.de.ts'
import * as machine from './machine.de.ts'
import { histories, jobs, queue, users } from './people.de.ts'
import * as progress from './progress.de.ts'
import * as settings from './settings.de.ts'
import * as setup from './setup.de.ts'
import { shell } from './shell.de.ts'
import * as status from './status.de.ts'
import type { Strings } from './strings.ts'
import { support } from './support.de.ts'

export const de: Strings = {
  shell,
  ...access,
  ...account,
  ...setup,
  ...settings,
  ...machine,
  ...status,
  ...progress,
  logs,
  alarms,
  backups,
  support,
  config,
  users,
  queue,
  histories,
  jobs,
}
