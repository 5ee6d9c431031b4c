import { JSON_NAMES, SETTING_NAMES, type SettingName, type SettingsChange } from '../../base/service-settings.ts'
import type { Device, SettingsView } from '../../services/users.ts'
import { button, type FormErrors, form, select } from './form.ts'
import { time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { textsIn, userPath } from './parts.ts'
import { card, facts, table } from './table.ts'
import { isAllowed, type Visit } from './visit.ts'

/** What the page of a user is made of. */

type SettingKey = (typeof JSON_NAMES)[SettingName]
const SETTING_KEYS = SETTING_NAMES.map(name => JSON_NAMES[name])

/** `on`, `off`, or nothing chosen. */
export function changeIn(body: unknown): SettingsChange {
  const texts = textsIn(body, SETTING_KEYS)
  const choices = SETTING_NAMES.map(name => [name, texts[JSON_NAMES[name]]] as const)
  const given = choices.filter(([, choice]) => ['on', 'off', 'default'].includes(choice))
  return Object.fromEntries(given.map(([name, choice]) => [name, choice === 'default' ? null : choice === 'on']))
}

/** Contacts, each a card: their parts are long. */
export function devices(visit: Visit, list: readonly Device[]): Html {
  const { users: words } = visit.strings
  if (list.length === 0) return card(words.devices, html`<p class="none">${words.noDevices}</p>`)
  return card(words.devices, html`${list.map(device => oneDevice(visit, device))}`)
}

/** A phone that names a dozen is a busy one. */
const FEATURES_MAX = 24

function oneDevice(visit: Visit, device: Device): Html {
  const { users: words } = visit.strings
  const features = device.features
    .slice(0, FEATURES_MAX)
    .map(feature => html`<li><code>${foreign(feature, 160)}</code></li>`)
  return html`<div class="device">${facts([
    [words.contact, foreign(device.contact, 300)],
    [words.transport, `${device.transport.toUpperCase()}, ${device.from}`],
    [
      words.flow,
      html`<span class="${device.flow === 'open' ? 'good' : device.flow === 'closed' ? 'bad' : 'soft'}">${words.flows[device.flow]}</span>`,
    ],
    device.userAgent === undefined ? undefined : [words.userAgent, foreign(device.userAgent)],
    device.isInstantMessaging || features.length > 0
      ? [
          words.features,
          html`${device.isInstantMessaging && html`<p>${words.instantMessaging}</p>`}<ul class="plain">${features}${device.features.length > FEATURES_MAX && html`<li>…</li>`}</ul>`,
        ]
      : undefined,
    device.instance === undefined ? undefined : [words.instance, foreign(device.instance)],
    device.path.length === 0 ? undefined : [words.path, foreign(device.path.slice(0, 8).join(', '), 400)],
    [words.since, time(visit, device.registeredAt)],
    [words.expires, time(visit, device.expiresAt)],
  ])}</div>`
}

export function settingsCard(visit: Visit, settings: SettingsView, errors: FormErrors): Html {
  const { users: words } = visit.strings
  const mayChange = isAllowed(visit.who?.role, 'operator')
  const value = (chosen: boolean | null | undefined): string =>
    chosen === true ? words.on : chosen === false ? words.off : words.undecided
  const isDecided = (key: SettingKey): boolean =>
    typeof settings.stored[key] === 'boolean' ||
    settings.published.some(one => one.counts && typeof one.settings[key] === 'boolean')
  const now = facts(
    SETTING_KEYS.map(key => [
      words.names[key],
      html`${value(settings.effective[key])}${!isDecided(key) && typeof settings.effective[key] === 'boolean' && html` <span class="soft">(${words.byBox})</span>`}${!mayChange && html` · ${words.chosen}: ${value(settings.stored[key])}`}`,
    ]),
  )
  return card(
    words.settings,
    html`${errors.settings !== undefined && html`<p class="error" id="f-settings">${errors.settings}</p>`}<p class="hint">${words.settingsIntro}</p><h3>${words.now}</h3>${now}${published(visit, settings)}${mayChange && settingsForm(visit, settings)}`,
  )
}

function settingsForm(visit: Visit, { aor, version, stored }: SettingsView): Html {
  const { users: words } = visit.strings
  const choices = [
    { value: 'default', label: words.useDefault },
    { value: 'on', label: words.on },
    { value: 'off', label: words.off },
  ]
  const fields = SETTING_KEYS.map(key =>
    select({
      name: key,
      label: words.names[key],
      value: stored[key] === true ? 'on' : stored[key] === false ? 'off' : 'default',
      choices,
    }),
  )
  return html`<h3>${words.chosen}</h3>${form(visit, `${userPath(aor)}/settings`, html`<input type="hidden" name="version" value="${version}"><div class="row">${fields}</div><p></p>${button(words.saveSettings)}`)}`
}

function published(visit: Visit, { published: list }: SettingsView): Html | false {
  const { users: words } = visit.strings
  const chosen = (settings: Readonly<Record<string, boolean | null>>): string =>
    SETTING_KEYS.flatMap(key =>
      typeof settings[key] === 'boolean' ? [`${words.names[key]}: ${settings[key] ? words.on : words.off}`] : [],
    ).join(', ')
  return (
    list.length > 0 &&
    table(
      words.published,
      [
        { title: words.publisher, cell: one => foreign(one.publisher, 120) },
        { title: words.setting, cell: one => chosen(one.settings) },
        { title: words.modified, cell: one => time(visit, Date.parse(one.modified)) },
        { title: words.expires, cell: one => time(visit, Date.parse(one.expires)) },
        { title: words.counts, cell: one => (one.counts ? visit.strings.shell.yes : words.overruled) },
      ],
      list,
      '',
    )
  )
}
