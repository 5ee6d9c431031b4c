import { needs } from '../guard.ts'
import type { ConfigValue } from '../services/configuration.ts'
import { configFields, group, readConfigForm } from './config-form.ts'
import { button, errorSummary, type FormErrors, form } from './form.ts'
import { html } from './html.ts'
import type { PagePart, Site } from './site.ts'
import type { Strings } from './strings/strings.ts'
import type { Visit } from './visit.ts'

interface SettingsPage {
  readonly path: string
  readonly title: 'network' | 'delivery'
  readonly groups: readonly { readonly title: keyof Strings['settings']['groups']; readonly keys: readonly string[] }[]
}

/** Which keys stand on which page; every key of the configuration has one (a test compares). */
export const SETTINGS_PAGES: readonly SettingsPage[] = [
  {
    path: '/delivery',
    title: 'delivery',
    groups: [
      {
        title: 'keeping',
        keys: [
          'deferral.enabled',
          'deferral.default_expiry_s',
          'deferral.max_expiry_s',
          'deferral.max_message_bytes',
          'deferral.lenient_large_messages',
        ],
      },
      {
        title: 'room',
        keys: [
          'deferral.quota_messages',
          'deferral.quota_bytes',
          'deferral.reserve_bytes',
          'deferral.sender_share_percent',
          'deferral.sender_quota_messages',
          'deferral.sender_quota_bytes',
        ],
      },
      {
        title: 'handing',
        keys: ['delivery.active_default', 'delivery.profile', 'delivery.retry_min_s', 'delivery.retry_max_s'],
      },
      { title: 'waiting', keys: ['mwi.headers', 'mwi.unsolicited', 'history.deferred_uri'] },
      {
        title: 'history',
        keys: [
          'history.enabled',
          'history.active_default',
          'history.retention_s',
          'history.quota_bytes',
          'history.uri',
          'history.conference_factory_uri',
          'history.recordings_max',
          'history.recording_max_s',
        ],
      },
    ],
  },
  {
    path: '/network',
    title: 'network',
    groups: [
      { title: 'names', keys: ['domain', 'hostname'] },
      {
        title: 'sip',
        keys: ['listen.sip_udp', 'listen.sip_tcp', 'listen.sip_tls', 'listen.sip_ws', 'listen.sip_wss', 'ws.origins'],
      },
      { title: 'msrp', keys: ['listen.msrp_tcp', 'listen.msrp_tls'] },
      { title: 'page', keys: ['listen.http', 'listen.https', 'web.hosts', 'web.plain_http'] },
      {
        title: 'access',
        keys: ['auth.digest', 'auth.algorithms', 'auth.trusted_peers', 'core.route', 'tls.verify_peers'],
      },
      { title: 'documents', keys: ['xcap.root', 'xdms.root', 'xdms.user', 'xdms.password'] },
      { title: 'machine', keys: ['data_dir', 'console.device', 'console.baud', 'watchdog.device'] },
    ],
  },
]

/** Pages of keys: what is changed on them goes into the candidate of whoever does it, and from there on trial. */
export const settingsPages: PagePart = (app, site) => {
  for (const settings of SETTINGS_PAGES) {
    const keys = settings.groups.flatMap(each => each.keys)
    app.get(settings.path, async (request, reply) => {
      const who = needs(request, 'operator')
      const changes = site.candidates.of(who.session ?? who.name)?.changes ?? new Map()
      return show(site, reply, site.visit(request), settings, changes, {})
    })
    app.post(settings.path, async (request, reply) => {
      const who = needs(request, 'operator')
      const visit = site.visit(request)
      const { configuration } = site.services
      const view = configuration.view()
      const read = readConfigForm(request.body, view, keys)
      const owner = who.session ?? who.name
      const others = [...(site.candidates.of(owner)?.changes ?? [])].filter(([key]) => !keys.includes(key))
      const changes = new Map<string, ConfigValue>([...others, ...read.changes])
      const checked = configuration.check(changes)
      const wrong = Object.entries(read.errors).map(([key, text]) => [key, visit.strings.config.notNumber(text)])
      const errors: FormErrors = { ...('errors' in checked && checked.errors), ...Object.fromEntries(wrong) }
      if (Object.keys(errors).length > 0) return show(site, reply, visit, settings, changes, errors)
      site.candidates.put(owner, { version: view.version, changes })
      return reply.redirect(changes.size === 0 ? `${settings.path}?did=nothing` : '/changes', 303)
    })
  }
}

function show(
  site: Site,
  reply: Parameters<Site['show']>[0],
  visit: Visit,
  { path, title, groups }: SettingsPage,
  changes: ReadonlyMap<string, ConfigValue>,
  errors: FormErrors,
) {
  const view = site.services.configuration.view()
  const { settings: words, shell } = visit.strings
  const fields = groups.map(({ title: name, keys }) =>
    group(words.groups[name], configFields(visit, view, keys, changes, errors)),
  )
  const body = html`${errorSummary(visit, errors)}<p class="soft">${words.intro}</p>${form(visit, path, html`${fields}${button(words.review)}`)}`
  const status = Object.keys(errors).length > 0 ? 422 : 200
  return site.show(reply, visit, { title: shell[title], body, status })
}
