import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Log } from '../base/log.ts'
import { type ChosenSettings, JSON_NAMES, SETTING_NAMES, type SettingsChange } from '../base/service-settings.ts'
import type { WallTime } from '../base/time.ts'
import type { SettingsRecord } from '../store/settings.ts'
import type { Guarded } from '../web/guard.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, aorIn, forRole, linkTo, noSuchUser, refused } from './admin-api.ts'
import type { OutsideStore } from './outside-store.ts'
import { changeSettings, settingsView } from './user-settings.ts'

interface SettingsApiOptions {
  readonly guarded: Guarded
  readonly store: OutsideStore
  readonly domain: string
  readonly defaults: ChosenSettings
  readonly wall: () => WallTime
  readonly log: Log
}

const PATH = '/api/v1/users/:aor/settings'

/** The settings of a user for the administrator: GET and PUT. */
export const settingsApi = (options: SettingsApiOptions): FastifyPluginAsync =>
  adminApi(options, app => {
    const { domain, defaults, wall } = options
    const link = linkTo(options.store)
    const show = (reply: FastifyReply, aor: string, record: SettingsRecord): FastifyReply =>
      reply
        .headers({ etag: `"${record.version}"`, 'cache-control': 'no-store' })
        .send(settingsView(aor, record, defaults))
    app.get<{ Params: { aor: string } }>(PATH, forRole('viewer'), async (request, reply) => {
      const aor = aorIn(request.params.aor, domain)
      const record = await link.ask('settings.get', { aor })
      if (!record) throw noSuchUser(aor)
      return show(reply, aor, record)
    })
    app.put<{ Params: { aor: string } }>(PATH, forRole('operator'), async (request, reply) => {
      const aor = aorIn(request.params.aor, domain)
      const { version, ...change } = changeOf(request.body)
      const expected = version ?? versionOf(request.headers['if-match'])
      const changed = await changeSettings(link, aor, change, wall(), expected).catch(refused)
      if (changed === 'unknown') throw noSuchUser(aor)
      // RFC 9110 13.1.1: what a header asked for, that it refuses has a status of its own.
      if (changed === 'conflict')
        throw new Problem(expected === undefined || version !== undefined ? 409 : 412, CHANGED)
      return show(reply, aor, changed)
    })
  })

const CHANGED = 'Somebody else changed these settings. Read them again first.'

/** Each name may be given as true, false or null; those that are not given stay as they are. */
function changeOf(body: unknown): SettingsChange & { readonly version?: number } {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Problem(422, 'The body is a JSON object of settings.')
  const change: { [name: string]: boolean | number | null } = {}
  for (const [key, value] of Object.entries(body)) {
    const name = SETTING_NAMES.find(known => JSON_NAMES[known] === key)
    if (key === 'version' && Number.isSafeInteger(value)) change.version = value
    else if (key === 'version') throw new Problem(422, 'version: a number as it was read.')
    else if (!name) throw new Problem(422, `${key}: no such setting. Allowed: ${Object.values(JSON_NAMES).join(', ')}.`)
    else if (typeof value !== 'boolean' && value !== null) throw new Problem(422, `${key}: true, false or null.`)
    else change[name] = value
  }
  return change
}

/** RFC 9110 13.1.1: one entity-tag as it was given out, or `*`. */
function versionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch === '*') return undefined
  const [, version] = /^"(\d{1,15})"$/.exec(ifMatch) ?? []
  return version === undefined ? -1 : Number(version)
}
