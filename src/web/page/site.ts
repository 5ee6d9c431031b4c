import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Who } from '../../services/access.ts'
import type { WebServices } from '../../services/services.ts'
import { ownerOf } from '../configuration/operations.ts'
import type { Html } from './html.ts'
import { page } from './layout.ts'
import { isLanguage, LANGUAGES, type Language, preferred } from './strings/languages.ts'
import type { Strings } from './strings/strings.ts'
import { type Banner, isAllowed, type Visit } from './visit.ts'

/** What every page is made with. */
export interface Site {
  readonly services: WebServices
  /** What the request says of who asks, and in which language. */
  visit(request: FastifyRequest): Visit
  /** Answers with a whole document. */
  show(reply: FastifyReply, visit: Visit, shown: Shown): FastifyReply
  /** After something was done: to a page that says so. `did`: name of a text of `told`. */
  done(reply: FastifyReply, path: string, did: keyof Strings['told']): FastifyReply
}

interface Shown {
  readonly title: string
  readonly body: Html
  readonly status?: number
  readonly refreshS?: number
  readonly isAlone?: boolean
}

/** One page, or a few that belong together: adds its routes. */
export type PagePart = (app: FastifyInstance, site: Site) => void

const LANGUAGE_COOKIE = 'language'

export function makeSite(services: WebServices): Site {
  return {
    services,
    visit: request => visitOf(request, services),
    show: (reply, visit, shown) =>
      reply
        .code(shown.status ?? 200)
        .header('cache-control', 'no-store')
        .type('text/html; charset=utf-8')
        .send(page(visit, shown).text),
    done: (reply, path, did) => reply.redirect(`${path}${path.includes('?') ? '&' : '?'}did=${did}`, 303),
  }
}

export const rememberLanguage = (reply: FastifyReply, language: Language): FastifyReply =>
  reply.setCookie(LANGUAGE_COOKIE, language, { path: '/', sameSite: 'strict', maxAge: 365 * 86_400 })

function visitOf(request: FastifyRequest, services: WebServices): Visit {
  const chosen = request.cookies[LANGUAGE_COOKIE] ?? ''
  const language = isLanguage(chosen) ? chosen : preferred(request.headers['accept-language'])
  const { strings } = LANGUAGES[language]
  const { who } = request
  const [path = '/', query = ''] = request.url.split('?', 2)
  const did = new URLSearchParams(query).get('did') ?? ''
  return {
    language,
    strings,
    ...(who && { who: { name: who.name, role: who.role } }),
    csrf: who?.csrf ?? '',
    domain: services.configuration.view().running.domain,
    path,
    ...(Object.hasOwn(strings.told, did) && {
      told: { kind: 'done', text: strings.told[did as keyof Strings['told']] },
    }),
    banners: who ? bannersOf(strings, services, who, path) : [],
  }
}

function bannersOf({ changes: words }: Strings, { configuration }: WebServices, who: Who, path: string): Banner[] {
  if (!isAllowed(who.role, 'operator')) return []
  const { pending, lastFailure, restartNeeded } = configuration.view()
  const link = { href: '/changes', text: words.look }
  if (pending) return [{ kind: 'warning', text: words.onTrial, untilS: pending.leftS, link }]
  const banners: Banner[] = []
  if (lastFailure !== undefined) banners.push({ kind: 'alarm', text: words.wentBack(lastFailure), link })
  if (restartNeeded === 'could not go back') banners.push({ kind: 'alarm', text: words.couldNotGoBack })
  if (restartNeeded === 'file was changed') banners.push({ kind: 'warning', text: words.fileChanged })
  if (path !== link.href && configuration.candidates.of(ownerOf(who)))
    banners.push({ kind: 'note', text: words.notApplied, link })
  return banners
}
