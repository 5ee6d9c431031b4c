import type { Now } from '../../base/time.ts'
import { attributeNamed, type NodeSelector, namespacesInScope, pathTo } from '../../content/xcap-selector.ts'
import type { XmlDocument } from '../../content/xml-read.ts'
import { xmlText } from '../../content/xml-write.ts'
import type { StoreResult, Verb, Verbs } from '../../store/verbs.ts'
import { type Answer, notFound, quoted, unavailable } from './answer.ts'
import { type Conditions, unmet } from './conditions.ts'

export interface XcapStore {
  ask<V extends Verb>(verb: V, request: Verbs[V]['request']): Promise<StoreResult<V>>
}

/** A request of an admitted user for a document of their own, or a global one. */
export interface XcapRequest {
  readonly now: Now
  readonly method: string
  readonly aor: string
  /** The part of the document that is meant. */
  readonly node?: NodeSelector
  readonly conditions: Conditions
  /** Lower case, without parameters. */
  readonly contentType: string
  readonly body: Buffer
  /** URL of the XCAP root, with `/` at its end. */
  readonly root: string
}

/** RFC 4825 5: one kind of documents. */
export interface Usage {
  readonly auid: string
  readonly tree: 'users' | 'global'
  readonly document: string
  readonly type: string
  readonly namespace: string
  answer(request: XcapRequest): Promise<Answer>
}

/** The store could not be asked. */
class StoreDown extends Error {}

export async function ask<V extends Verb>(
  store: XcapStore,
  verb: V,
  request: Verbs[V]['request'],
): Promise<Verbs[V]['reply']> {
  const result = await store.ask(verb, request)
  if ('failure' in result) throw new StoreDown(result.detail)
  return result.value
}

export const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD'

export const ELEMENT_TYPE = 'application/xcap-el+xml'
export const ATTRIBUTE_TYPE = 'application/xcap-att+xml'
export const NAMESPACES_TYPE = 'application/xcap-ns+xml'

export interface Part {
  readonly type: string
  readonly body: string
}

/** RFC 4825 7.5, 7.8, 7.10: what the selector names; undefined: nothing. */
export function partOf({ root, text }: XmlDocument, { steps, terminal }: NodeSelector): Part | undefined {
  const path = pathTo(root, steps)
  const element = path?.at(-1)
  if (!path || !element) return undefined
  if (!terminal) return { type: ELEMENT_TYPE, body: text.slice(element.start, element.end) }
  if (terminal.kind === 'attribute') {
    const found = attributeNamed(element, terminal.attribute)
    return found && { type: ATTRIBUTE_TYPE, body: text.slice(found.valueStart, found.valueEnd) }
  }
  const name = element.prefix === '' ? element.name : `${element.prefix}:${element.name}`
  const declared = [...namespacesInScope(path)].map(
    ([prefix, namespace]) => ` xmlns${prefix === '' ? '' : `:${prefix}`}="${xmlText(namespace)}"`,
  )
  return { type: NAMESPACES_TYPE, body: `<${name}${declared.join('')}/>` }
}

/** The answer to GET and HEAD of a document that is at hand, or of a part of it. */
export function reading(
  { node, conditions }: XcapRequest,
  document: XmlDocument,
  { type, etag }: { readonly type: string; readonly etag: string },
): Answer {
  const part = node ? partOf(document, node) : { type, body: document.text }
  const instead = unmet(conditions, { etag, isThere: part !== undefined }, true)
  if (instead) return instead
  return part
    ? { status: 200, headers: { 'content-type': part.type, etag: quoted(etag) }, body: part.body }
    : notFound()
}

export const answerOf = async (run: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await run()
  } catch (error) {
    if (error instanceof StoreDown) return unavailable()
    throw error
  }
}
