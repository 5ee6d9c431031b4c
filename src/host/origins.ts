import type { Config } from '../base/config.ts'
import type { OriginPolicy } from './web-socket-door.ts'

/**
 * Which pages in browsers may connect over WebSocket. A connection alone opens nothing where digest is asked, so then any may unless
 * some are named; without digest the page of any site would speak for whoever looks at it, so then only those of this box may.
 */
export function originPolicy({ ws, auth, hostname, domain }: Config): OriginPolicy {
  if (ws.origins.length > 0) {
    const named = new Set(ws.origins.map(origin => origin.toLowerCase()))
    return origin => named.has(origin.toLowerCase())
  }
  if (auth.digest) return () => true
  const own = new Set([hostname, domain])
  return origin => own.has(hostOf(origin))
}

/** Empty for `null` and what else is no URL. */
const hostOf = (origin: string): string =>
  URL.canParse(origin) ? new URL(origin).hostname.replace(/^\[|\]$/g, '').toLowerCase() : ''
