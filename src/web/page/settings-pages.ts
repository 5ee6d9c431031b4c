import type { ConfigurationView, ConfigValue } from '../../services/configuration.ts'
import { ownerOf } from '../configuration/operations.ts'
import { needs } from '../guard.ts'
import { configFields, group, readConfigForm } from './config-form.ts'
import { button, errorSummary, type FormErrors, form } from './form.ts'
import { html } from './html.ts'
import type { PagePart, Site } from './site.ts'
import type { Strings } from './strings/strings.ts'
import type { Visit } from './visit.ts'

interface SettingsPage {
  readonly path: string
  readonly title: 'network' | 'delivery' | 'certificates'
  /** Least role of those who may change them. */
  readonly role: 'operator' | 'admin'
  readonly groups: readonly { readonly title: keyof Strings['settings']['groups']; readonly keys: readonly string[] }[]
}

/** Which keys stand on which page; every key of the configuration has one (a test compares). */
export const SETTINGS_PAGES: readonly SettingsPage[] = [
  {
    path: '/delivery',
    title: 'delivery',
    role: 'operator',
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
    role: 'operator',
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
      {
        title: 'machine',
        keys: [
          'data_dir',
          'console.device',
          'console.baud',
          'console.flow_control',
          'watchdog.device',
          'watchdog.hang_s',
        ],
      },
    ],
  },
  {
    path: '/certificates/files',
    title: 'certificates',
    role: 'admin',
    groups: [{ title: 'files', keys: ['tls.certificate', 'tls.key', 'tls.ca'] }],
  },
]

/** Pages of keys: what is changed on them goes into the candidate of whoever does it, and from there on trial. */
export const settingsPages: PagePart = (app, site) => {
  const { configuration } = site.services
  for (const settings of SETTINGS_PAGES) {
    app.get(settings.path, async (request, reply) => {
      const who = needs(request, settings.role)
      const values = configuration.candidates.of(ownerOf(who))?.changes ?? new Map()
      return show(site, reply, site.visit(request), { settings, values })
    })
    app.post<{ Body: { version?: unknown } | null }>(settings.path, async (request, reply) => {
      const owner = ownerOf(needs(request, settings.role))
      const visit = site.visit(request)
      const view = configuration.view()
      const keys = settings.groups.flatMap(each => each.keys)
      const read = readConfigForm(visit, request.body, view, keys)
      const candidate = configuration.candidates.of(owner)
      const others = [...(candidate?.changes ?? [])].filter(([key]) => !keys.includes(key))
      const changes = new Map<string, ConfigValue>([...others, ...read.changes])
      const isStale = request.body?.version !== view.version
      const errors = errorsOf(visit, site, changes, read.errors)
      if (isStale || Object.keys(errors).length > 0)
        return show(site, reply, visit, { settings, values: changes, errors, isStale })
      configuration.candidates.put(owner, { version: view.version, changes })
      return changes.size === 0 ? site.done(reply, settings.path, 'nothing') : reply.redirect('/changes', 303)
    })
  }
}

/** What the form's own reading found is said in the visitor's language and goes before what the check of the file says. */
function errorsOf(
  { strings }: Visit,
  { services: { configuration } }: Site,
  changes: ReadonlyMap<string, ConfigValue>,
  read: FormErrors,
): FormErrors {
  const checked = configuration.check(changes)
  const found = 'errors' in checked ? checked.errors : {}
  const errors: Record<string, string> = {}
  for (const [at, text] of Object.entries(found)) {
    const key = at.replace(/\[\d+\]$/, '')
    const label = strings.config.keys[key as keyof typeof strings.config.keys]?.label ?? at
    errors[key] = `${label}: ${text}`
  }
  return { ...errors, ...read }
}

interface Shown {
  readonly settings: SettingsPage
  readonly values: ReadonlyMap<string, ConfigValue>
  readonly errors?: FormErrors
  /** Somebody else changed the configuration while the form was open. */
  readonly isStale?: boolean
}

function show(
  site: Site,
  reply: Parameters<Site['show']>[0],
  visit: Visit,
  { settings: { path, title, groups }, values, errors = {}, isStale = false }: Shown,
) {
  const view: ConfigurationView = site.services.configuration.view()
  const { settings: words, changes, shell } = visit.strings
  const fields = groups.map(({ title: name, keys }) =>
    group(words.groups[name], configFields(visit, view, keys, values, errors)),
  )
  const body = html`${errorSummary(visit, errors)}${isStale && html`<p class="told failed" role="alert">${changes.formStale}</p>`}<p class="soft">${words.intro}</p>${form(visit, path, html`<input type="hidden" name="version" value="${view.version}">${fields}${button(words.review)}`)}`
  const status = Object.keys(errors).length > 0 ? 422 : isStale ? 409 : 200
  return site.show(reply, visit, { title: shell[title], body, status })
}
