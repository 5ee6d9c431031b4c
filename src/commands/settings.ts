import { JSON_NAMES, type SettingName } from '../base/service-settings.ts'
import type { WallTime } from '../base/time.ts'
import { readConfig } from '../host/config-file.ts'
import { PlainError } from '../host/plain-error.ts'
import { changeSettings, defaultSettings, type SettingsLink, settingsView } from '../host/user-settings.ts'
import type { SettingsRecord } from '../store/settings.ts'
import { aorOf } from './aor.ts'
import { withStore } from './store-link.ts'
import { columns, noAccount } from './text.ts'
import type { World } from './world.ts'

export interface SettingsOptions {
  readonly config?: string
  readonly json?: boolean
  readonly offlineDelivery?: Choice
  readonly sessionHistory?: Choice
  readonly pagerHistory?: Choice
}

export const CHOICES = ['on', 'off', 'default'] as const
type Choice = (typeof CHOICES)[number]

/** What a user decided of the service, after the change if one is asked for. */
export async function showSettings(world: World, text: string, options: SettingsOptions): Promise<void> {
  const { config } = readConfig(options.config)
  const aor = aorOf(text, config)
  const record = await withStore(world, config, link => readOrChange(link, aor, options))
  const view = settingsView(aor, record, defaultSettings(config))
  world.out(options.json ? `${JSON.stringify(view, null, 2)}\n` : tableOf(view))
}

async function readOrChange(
  link: SettingsLink,
  aor: string,
  { offlineDelivery, sessionHistory, pagerHistory }: SettingsOptions,
): Promise<SettingsRecord> {
  const record = await link.ask('settings.get', { aor })
  if (!record) throw noAccount(aor)
  const asked = Object.entries({ offlineDelivery, sessionHistory, pagerHistory }).filter(([, choice]) => choice)
  if (asked.length === 0) return record
  const change = Object.fromEntries(
    asked.map(([name, choice]) => [name, choice === 'default' ? null : choice === 'on']),
  )
  const changed = await changeSettings(link, aor, change, Date.now() as WallTime)
  if (changed === 'unknown') throw noAccount(aor)
  if (changed === 'conflict') throw new PlainError(`Others keep changing the settings of ${aor}. Try again.`)
  return changed
}

type SettingsView = ReturnType<typeof settingsView>

const LABELS: Record<SettingName, string> = {
  offlineDelivery: 'offline delivery',
  sessionHistory: 'history of sessions',
  pagerHistory: 'history of messages',
  visible: 'visible',
}

function tableOf({ aor, effective, stored, published }: SettingsView): string {
  const names = Object.keys(LABELS) as SettingName[]
  const rows = names.map(name => {
    const key = JSON_NAMES[name]
    return [LABELS[name], onOff(effective[key]), onOff(stored[key])]
  })
  const devices = published.map(({ publisher, modified, expires, counts, settings }) => [
    publisher,
    onOff(settings[JSON_NAMES.offlineDelivery]),
    modified,
    expires,
    counts ? 'yes' : 'no: something was stored later',
  ])
  const table = `${aor}\n${columns([['setting', 'now', 'stored'], ...rows])}`
  if (devices.length === 0) return table
  return `${table}\n${columns([['published by', 'offline delivery', 'since', 'until', 'counts'], ...devices])}`
}

const onOff = (value: boolean | null | undefined): string => (typeof value !== 'boolean' ? '-' : value ? 'on' : 'off')
