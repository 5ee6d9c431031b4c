import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../base/config.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { WebServices } from '../services/services.ts'
import type { Guarded } from '../web/guard.ts'
import { linkTo } from './admin-api.ts'
import { historyApi } from './history-api.ts'
import { HistoryShelf } from './history-shelf.ts'
import type { Jobs } from './jobs.ts'
import { jobsApi } from './jobs-api.ts'
import type { OutsideStore } from './outside-store.ts'
import { queueApi } from './queue-api.ts'
import { QueueDesk } from './queue-desk.ts'
import { settingsApi } from './settings-api.ts'
import { defaultSettings } from './user-settings.ts'
import { Users } from './users.ts'
import { usersApi } from './users-api.ts'

/** What the pages and the API of users, their messages and their histories are made with. */
export type People = Pick<WebServices, 'users' | 'queue' | 'histories' | 'jobs'>

interface PeopleParts {
  readonly config: Config
  readonly store: OutsideStore
  readonly jobs: Jobs
  readonly entropy: Entropy
  readonly now: () => Now
  readonly isFlowOpen: (flowId: string) => boolean
  readonly deliver: (aor: string) => void
}

export function people({ store, jobs, ...parts }: PeopleParts): People {
  const { config, now, deliver } = parts
  const link = linkTo(store)
  return {
    users: new Users({ ...parts, link }),
    queue: new QueueDesk({ link, now, deliver, isPushActive: config.delivery.active_default }),
    histories: new HistoryShelf({ link, jobs, domain: config.domain }),
    jobs,
  }
}

interface ApiParts extends Pick<PeopleParts, 'config' | 'store' | 'jobs' | 'now'> {
  readonly guarded: Guarded
  readonly log: Log
}

export function peopleApis({ users, queue }: People, { config, now, ...parts }: ApiParts): FastifyPluginAsync[] {
  const common = { ...parts, domain: config.domain }
  const settings = { defaults: defaultSettings(config), wall: () => now().wall }
  return [
    usersApi({ ...common, users }),
    queueApi({ ...common, queue }),
    settingsApi({ ...common, ...settings }),
    historyApi(common),
    jobsApi(common),
  ]
}
