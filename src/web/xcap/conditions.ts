import { type Answer, plain, quoted } from './answer.ts'

/** RFC 9110 13: on what a request depends. Values as received. */
export interface Conditions {
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
}

/** RFC 4825 7.11: every part of a document has the entity-tag of the document; absent: there is no document. */
interface Current {
  readonly etag?: string
  /** Whether that what the URI names is there. */
  readonly isThere: boolean
}

/** The state that a change is asked of and of no other: what the store holds it against once more, in the same transaction. */
export const versionAsked = ({ ifMatch }: Conditions, etag: string): { readonly ifVersion?: string } =>
  ifMatch === undefined || ifMatch.trim() === '*' ? {} : { ifVersion: etag }

/** Something else was faster. */
export const otherByNow = (): Answer => plain(412, 'It is not what If-Match says any more.')

const TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g

/** What is to be answered instead; undefined: go on. */
export function unmet({ ifMatch, ifNoneMatch }: Conditions, current: Current, isRead: boolean): Answer | undefined {
  if (ifMatch !== undefined && !matches(ifMatch, current, false))
    return plain(412, 'It is not what If-Match says any more.', tagOf(current))
  if (ifNoneMatch === undefined || !matches(ifNoneMatch, current, true)) return undefined
  return isRead
    ? { status: 304, headers: tagOf(current) }
    : plain(412, 'It is what If-None-Match says.', tagOf(current))
}

const tagOf = ({ etag }: Current): Record<string, string> => (etag === undefined ? {} : { etag: quoted(etag) })

/** Weak tags match nothing that is to be changed (RFC 9110 13.1.1). */
function matches(field: string, { etag, isThere }: Current, isWeakTaken: boolean): boolean {
  if (field.trim() === '*') return isThere
  if (etag === undefined) return false
  return [...field.matchAll(TAG)].some(([, weak, tag]) => tag === etag && (isWeakTaken || weak === undefined))
}
