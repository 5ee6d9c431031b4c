/** What a user decided of the service (OMA SIMPLE IM, Appendix E); absent: nothing, so the box's own setting stands. */
export interface ChosenSettings {
  /** Whether messages that waited are pushed when their receiver is there (DM-DLV-02..04). */
  readonly offlineDelivery?: boolean
  readonly sessionHistory?: boolean
  readonly pagerHistory?: boolean
  readonly visible?: boolean
}

export type SettingName = keyof ChosenSettings

/** Each by its name in JSON and in forms. */
export const JSON_NAMES = {
  offlineDelivery: 'offline_delivery',
  sessionHistory: 'session_history',
  pagerHistory: 'pager_history',
  visible: 'visible',
} as const satisfies Record<SettingName, string>

export const SETTING_NAMES = Object.keys(JSON_NAMES) as readonly SettingName[]

/** What to change; `null`: the box's own setting shall stand again. */
export type SettingsChange = { readonly [N in SettingName]?: boolean | null }

/** A document of all the elements there are has some 600 bytes; each account may keep five. */
export const SETTINGS_BYTES_MAX = 8192

/** Devices of one user that publish settings at a time. */
export const SETTINGS_PUBLISHED_MAX = 4
