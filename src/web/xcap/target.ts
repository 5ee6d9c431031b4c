import { SipSyntaxError } from '../../sip-parser-lite/message.ts'
import { addressOfRecord } from '../../sip-parser-lite/uri.ts'

/** What a request URI means (RFC 4825 6). */
export interface Target {
  readonly auid: string
  readonly tree: 'users' | 'global'
  /** Address-of-record of whose tree it is; undefined for the global tree, and for what is no address. */
  readonly user: string | undefined
  readonly document: string
  /** Decoded, with its query. */
  readonly node?: { readonly selector: string; readonly query: string }
}

/** Between the document and the part of it; both characters mean the same escaped. */
const SEPARATOR = '~~'

/**
 * Of the path and query behind the root, as received: the segments are told apart before they are decoded. Undefined for what cannot name
 * anything; throws URIError where an escape is malformed.
 */
export function readTarget(text: string): Target | undefined {
  const mark = text.indexOf('?')
  const path = mark < 0 ? text : text.slice(0, mark)
  const segments = path.split('/')
  const separator = segments.findIndex(segment => segment.length <= 6 && decodeURIComponent(segment) === SEPARATOR)
  const named = (separator < 0 ? segments : segments.slice(0, separator)).map(segment => decodeURIComponent(segment))
  const [auid, tree, ...rest] = named
  if (!auid || named.some(isNoName)) return undefined
  const [user, document] = tree === 'users' ? [rest[0], rest.slice(1)] : [undefined, rest]
  if ((tree !== 'users' && tree !== 'global') || document.length === 0) return undefined
  const target = {
    auid,
    tree,
    user: user === undefined ? undefined : addressOf(user),
    document: document.join('/'),
  } as const
  if (separator < 0) return mark < 0 ? target : undefined
  const selector = decodeURIComponent(segments.slice(separator + 1).join('/'))
  return { ...target, node: { selector, query: mark < 0 ? '' : decodeURIComponent(text.slice(mark + 1)) } }
}

/** Also where it was escaped: nobody means such a name, and a proxy on the way may have read it as a path. */
const isNoName = (segment: string): boolean => segment === '' || segment === '.' || segment === '..'

/** RFC 4825 6.2: the XCAP user identifier is a SIP URI here. */
function addressOf(user: string): string | undefined {
  try {
    return /^sips?:/i.test(user) ? addressOfRecord(user) : undefined
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined
    throw error
  }
}
