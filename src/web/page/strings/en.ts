import * as access from './access.en.ts'
import * as account from './account.en.ts'
import { alarms } from './alarms.en.ts'
import { backups } from './backup.en.ts'
import { config } from './config.en.ts'
import { logs } from './logs.en.ts'
import * as machine from './machine.en.ts'
import { histories, jobs, queue, users } from './people.en.ts'
import * as progress from './progress.en.ts'
import * as settings from './settings.en.ts'
import * as setup from './setup.en.ts'
import { shell } from './shell.en.ts'
import * as status from './status.en.ts'
import { support } from './support.en.ts'

export const en = {
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
