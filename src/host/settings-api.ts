import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import { isSameHost, uriHost } from '../base/config-uri.ts'
import type { Log } from '../base/log.ts'
import { SETTING_NAMES, type SettingsChange } from '../base/service-settings.ts'
import type { WallTime } from '../base/time.ts'
import { addressOfRecord, parseUri } from '../sip-parser-lite/uri.ts'
import type { SettingsRecord } from '../store/settings.ts'
import type { AdminOnly } from './admin-only.ts'
import type { OutsideStore } from './outside-store.ts'
import { messageOf, PlainError } from './plain-error.ts'
import { Problem, sendProblem } from './problem.ts'
import { changeSettings, JSON_NAMES, type SettingsLink, settingsView } from './user-settings.ts'

interface SettingsApiOptions {
  readonly admin: AdminOnly
  readonly store: OutsideStore
  readonly domain: string
  /** `delivery.active_default`. */
  readonly isPushActive: boolean
  readonly wall: () => WallTime
  readonly log: Log
}

const PATH = '/api/v1/users/:aor/settings'

/** The settings of a user for the administrator: GET and PUT. Errors are application/problem+json (RFC 9457). */
export const settingsApi =
  (options: SettingsApiOptions): FastifyPluginAsync =>
  async app => {
    const { admin, domain, isPushActive, wall } = options
    const link = linkTo(options.store)
    const show = (reply: FastifyReply, aor: string, record: SettingsRecord): FastifyReply =>
      reply
        .headers({ etag: `"${record.version}"`, 'cache-control': 'no-store' })
        .send(settingsView(aor, record, isPushActive))
    app.setErrorHandler((error, _request, reply) => {
      if (!(error instanceof Problem)) options.log.error('request of the API failed', { reason: messageOf(error) })
      return sendProblem(reply, error)
    })
    app.addHook('onRequest', request => admin.check(request))
    app.get<{ Params: { aor: string } }>(PATH, async (request, reply) => {
      const aor = aorOf(request.params.aor, domain)
      const record = await link.ask('settings.get', { aor })
      if (!record) throw noSuchUser(aor)
      return show(reply, aor, record)
    })
    app.put<{ Params: { aor: string } }>(PATH, async (request, reply) => {
      const aor = aorOf(request.params.aor, domain)
      const { version, ...change } = changeOf(request.body)
      const expected = version ?? versionOf(request.headers['if-match'])
      const changed = await orRefused(changeSettings(link, aor, change, wall(), expected))
      if (changed === 'unknown') throw noSuchUser(aor)
      // RFC 9110 13.1.1: what a header asked for, that it refuses has a status of its own.
      if (changed === 'conflict')
        throw new Problem(expected === undefined || version !== undefined ? 409 : 412, CHANGED)
      return show(reply, aor, changed)
    })
  }

const CHANGED = 'Somebody else changed these settings. Read them again first.'

const noSuchUser = (aor: string): Problem => new Problem(404, `There is no account ${aor}.`)

/** `alice`, `alice@example.org` or `sip:alice@example.org`. */
function aorOf(text: string, domain: string): string {
  const withHost = text.includes('@') ? text : `${text}@${uriHost(domain)}`
  try {
    const aor = addressOfRecord(/^sip:/i.test(withHost) ? withHost : `sip:${withHost}`)
    const { user, host } = parseUri(aor)
    if (user && isSameHost(host, domain)) return aor
  } catch {
    // No URI is no account either.
  }
  throw new Problem(404, `There is no account ${text}.`)
}

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

async function orRefused<T>(changing: Promise<T>): Promise<T> {
  try {
    return await changing
  } catch (error) {
    if (error instanceof PlainError) throw new Problem(422, error.message)
    throw error
  }
}

const linkTo = (store: OutsideStore): SettingsLink => ({
  ask: async (verb, request) => {
    const result = await store.ask(verb, request)
    if ('failure' in result) throw new Problem(503, `The store failed: ${result.failure}.`, { 'retry-after': '5' })
    return result.value
  },
})
