import { Readable } from 'node:stream'
import { LIST_END, LIST_NAMESPACE, LIST_ROOT, LIST_START } from '../../content/list-xml.ts'
import { XcapConflict } from '../../content/xcap-edit.ts'
import type { DocumentName } from '../../content/xcap-names.ts'
import { isNamed, type Step } from '../../content/xcap-selector.ts'
import { readXml } from '../../content/xml-read.ts'
import { type Answer, conflictAnswer, notAllowed, notFound, quoted, unfinished } from './answer.ts'
import { otherByNow, unmet, versionAsked } from './conditions.ts'
import { ELEMENT_TYPE, isRead, NAMESPACES_TYPE, partOf, type Usage, type XcapRequest } from './usage.ts'

const ROOT = { namespace: LIST_NAMESPACE, name: 'history-list' }
const ENTRY = { namespace: LIST_NAMESPACE, name: 'history' }

/** Which state of whose list a request sees. */
export interface Listing {
  readonly aor: string
  readonly etag: string
}

/** With a version only if it is that one still. */
export interface AskedVersion {
  readonly ifVersion?: string
}

/** What a list is made of: rows of the store. `Seen` is what a request is held against all along. */
export interface ListSource<Row, Seen extends Listing> {
  readonly name: DocumentName
  readonly type: string
  /** Undefined: there is no such user. */
  see(request: XcapRequest): Promise<Seen | undefined>
  /** In their order, so many at a time that a page costs little memory. `isWhole`: with all that an entry says. */
  pages(seen: Seen, isWhole: boolean): AsyncGenerator<readonly Row[]>
  byReference(seen: Seen, reference: string): Promise<Row | undefined>
  referenceOf(row: Row): string
  entryOf(row: Row): string
  delete(seen: Seen, reference: string, asked: AskedVersion): Promise<'deleted' | 'absent' | 'changed'>
  /** `more`: so many that the rest is left to another request. */
  deleteAll(seen: Seen, asked: AskedVersion): Promise<'all' | 'more' | 'changed'>
}

/** The document, page by page, behind that beginning. */
export async function* listText<Row, Seen extends Listing>(
  source: ListSource<Row, Seen>,
  seen: Seen,
  start: string,
): AsyncGenerator<string> {
  yield start
  for await (const rows of source.pages(seen, true)) yield rows.map(row => source.entryOf(row)).join('')
  yield LIST_END
}

/** A list that is made from the store each time, page by page; only what its owner deletes from it changes it. */
export class UserList<Row, Seen extends Listing> implements Usage {
  readonly auid: string
  readonly tree = 'users'
  readonly document: string
  readonly type: string
  readonly namespace = LIST_NAMESPACE
  readonly #source: ListSource<Row, Seen>

  constructor(source: ListSource<Row, Seen>) {
    this.auid = source.name.auid
    this.document = source.name.document
    this.type = source.type
    this.#source = source
  }

  async answer(request: XcapRequest): Promise<Answer> {
    const allow = allowed(request)
    if (!allow.split(', ').includes(request.method)) return notAllowed(allow)
    const seen = await this.#source.see(request)
    if (!seen) return notFound()
    if (isRead(request.method)) return this.#read(request, seen)
    return request.node ? this.#deleteOne(request, seen) : this.#deleteAll(request, seen)
  }

  async #read(request: XcapRequest, seen: Seen): Promise<Answer> {
    const { node, conditions, method } = request
    const { etag } = seen
    const part = await this.#part(request, seen)
    const instead = unmet(conditions, { etag, isThere: part !== undefined }, true)
    if (instead) return instead
    if (!part) return notFound()
    const headers = { 'content-type': part.type, etag: quoted(etag) }
    if (part.body !== undefined) return { status: 200, headers, body: part.body }
    if (method === 'HEAD') return { status: 200, headers }
    const start = node ? `${LIST_ROOT}\n` : LIST_START
    return { status: 200, headers, body: Readable.from(listText(this.#source, seen, start), { objectMode: false }) }
  }

  /** Without a body: the whole list. */
  async #part(
    { node }: XcapRequest,
    seen: Seen,
  ): Promise<{ readonly type: string; readonly body?: string } | undefined> {
    if (!node) return { type: this.type }
    const [root, entry, ...rest] = node.steps
    if (!selectsRoot(root!)) return undefined
    if (entry) {
      const row = await this.#find(seen, entry)
      if (!row) return undefined
      const document = readXml(Buffer.from(`${LIST_ROOT}${this.#source.entryOf(row)}${LIST_END}`))
      return partOf(document, { ...node, steps: [{ name: ROOT }, { name: ENTRY }, ...rest] })
    }
    if (!node.terminal) return { type: ELEMENT_TYPE }
    if (node.terminal.kind === 'attribute') return undefined
    return { type: NAMESPACES_TYPE, body: `${LIST_ROOT.slice(0, -1)}/>` }
  }

  /** The one entry that the step selects. By reference it is found at once; by position those before it are counted. */
  async #find(seen: Seen, step: Step): Promise<Row | undefined> {
    const { name, position, attribute } = step
    if (!isNamed(ENTRY, name)) return undefined
    if (attribute && (attribute.namespace !== '' || attribute.name !== 'history-reference')) return undefined
    if (position === undefined && attribute) return this.#source.byReference(seen, attribute.value)
    const [row, other] = await this.#at(seen, position ?? 1)
    if (!row || (position === undefined && other)) return undefined
    const reference = this.#source.referenceOf(row)
    return attribute && reference !== attribute.value ? undefined : this.#source.byReference(seen, reference)
  }

  /** The entry at that position and the one behind it. */
  async #at(seen: Seen, position: number): Promise<Row[]> {
    let before = position - 1
    const found: Row[] = []
    if (before < 0) return found
    for await (const rows of this.#source.pages(seen, false)) {
      found.push(...rows.slice(before, before + 2 - found.length))
      before = Math.max(0, before - rows.length)
      if (found.length === 2) break
    }
    return found
  }

  async #deleteAll(request: XcapRequest, seen: Seen): Promise<Answer> {
    const instead = unmet(request.conditions, { etag: seen.etag, isThere: true }, false)
    if (instead) return instead
    const reply = await this.#source.deleteAll(seen, versionAsked(request.conditions, seen.etag))
    return reply === 'changed' ? otherByNow() : this.#deleted(request, reply === 'all')
  }

  async #deleteOne(request: XcapRequest, seen: Seen): Promise<Answer> {
    const [root, entry] = request.node!.steps
    if (!entry)
      return conflictAnswer(new XcapConflict('cannot-delete', 'the list itself stays; delete the document to empty it'))
    const row = selectsRoot(root!) ? await this.#find(seen, entry) : undefined
    const instead = unmet(request.conditions, { etag: seen.etag, isThere: row !== undefined }, false)
    if (instead) return instead
    if (!row) return notFound()
    if (await this.#isFollowed(seen, entry))
      return conflictAnswer(new XcapConflict('cannot-delete', 'the same selector would then select the next message'))
    const asked = versionAsked(request.conditions, seen.etag)
    const reply = await this.#source.delete(seen, this.#source.referenceOf(row), asked)
    if (reply === 'changed') return otherByNow()
    return reply === 'absent' ? notFound() : this.#deleted(request, true)
  }

  /** RFC 4825 8.2.4: what was deleted is not there any more. */
  async #isFollowed(seen: Seen, { position, attribute }: Step): Promise<boolean> {
    if (position === undefined || attribute) return false
    return (await this.#at(seen, position)).length > 1
  }

  /** A client that is told to come back asks the same again, and so deletes the rest. */
  async #deleted(request: XcapRequest, isDone: boolean): Promise<Answer> {
    const seen = await this.#source.see(request)
    const headers: Record<string, string> = seen ? { etag: quoted(seen.etag) } : {}
    return isDone ? { status: 200, headers } : unfinished(headers)
  }
}

/** Only the server writes; of an entry only the whole can go. */
function allowed({ node }: XcapRequest): string {
  const isPart = node !== undefined && (node.steps.length > 2 || node.terminal !== undefined)
  return isPart ? 'GET, HEAD' : 'GET, HEAD, DELETE'
}

/** The root has no attributes. */
const selectsRoot = ({ name, position, attribute }: Step): boolean =>
  isNamed(ROOT, name) && (position ?? 1) === 1 && !attribute
