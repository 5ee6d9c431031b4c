import type { Now } from '../../base/time.ts'
import { RESOURCE_LISTS_TYPE, resourcesListed } from '../../content/resource-lists.ts'
import { XmlError } from '../../content/xml-read.ts'
import { bodyOfType } from '../../sip/body-of-type.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { seqOfStoreId } from '../../store/story.ts'
import type { StoreClient } from '../../store/verbs.ts'
import { type Answer, asReason, unavailable } from '../answers.ts'

/** Each is looked up; a client with more to fetch asks for all. */
const REFERENCES_MAX = 500

/** The store ids that an INVITE names, as `spelled` has them; undefined: it names none, and so wants all. */
export function namedReferences(
  request: SipRequest,
  spelled: (reference: string) => string = asStoreId,
): readonly string[] | undefined | { readonly refusal: Answer } {
  const list = bodyOfType(request, RESOURCE_LISTS_TYPE)
  if (!list) return undefined
  try {
    const references = [...new Set(resourcesListed(list).map(spelled))]
    if (references.length === 0) return { refusal: { status: 400, reason: 'The List Names No Message' } }
    return references.length > REFERENCES_MAX ? { refusal: { status: 413 } } : references
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
    return { refusal: { status: 400, reason: asReason(`resource-lists: ${error.message}`) } }
  }
}

/** Seen without its scheme too. */
const asStoreId = (reference: string): string => (/^\d+@/.test(reference) ? `sip:${reference}` : reference)

/**
 * The messages of that mailbox behind the references. 404 for one that does not wait there, 403 for one of somebody else
 * (docs/protocol.md).
 */
export function findReferences(
  now: Now,
  store: StoreClient,
  aor: string,
  references: readonly string[],
  done: (now: Now, found: ReadonlySet<number> | Answer) => void,
): void {
  const found = new Set<number>()
  const next = (then: Now, at: number): void => {
    const reference = references[at]
    if (reference === undefined) return done(then, found)
    findOne(then, store, aor, reference, (later, seq) => {
      if (typeof seq !== 'number') return done(later, seq)
      found.add(seq)
      next(later, at + 1)
    })
  }
  next(now, 0)
}

function findOne(
  now: Now,
  store: StoreClient,
  aor: string,
  reference: string,
  done: (now: Now, seq: number | Answer) => void,
): void {
  const seq = seqOfStoreId(reference)
  if (seq === undefined) return done(now, { status: 404 })
  const request = { aor, afterSeq: seq - 1, limit: 1, bytes: 1, at: now.wall, isWallTrusted: now.isWallTrusted }
  store.ask('page', request, (then, result) => {
    if ('failure' in result) return done(then, unavailable(5))
    if (result.value[0]?.storeId === reference) return done(then, seq)
    whyNot(store, aor, reference, (later, why) => done(later, why))
  })
}

function whyNot(store: StoreClient, aor: string, id: string, done: (now: Now, why: Answer) => void): void {
  store.ask('trace', { id, limit: 1 }, (now, result) => {
    if ('failure' in result) return done(now, unavailable(5))
    const recipient = result.value[0]?.recipient
    done(now, { status: recipient !== undefined && recipient !== aor ? 403 : 404 })
  })
}
