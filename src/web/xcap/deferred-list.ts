import { Readable } from 'node:stream'
import {
  DEFERRED_LIST_TYPE,
  HISTORY_NAMESPACE,
  isListed,
  LIST_END,
  LIST_ROOT,
  LIST_START,
} from '../../content/deferred-list.ts'
import { XcapConflict } from '../../content/xcap-edit.ts'
import { DEFERRED_LIST } from '../../content/xcap-names.ts'
import { isNamed, type Step } from '../../content/xcap-selector.ts'
import { readXml } from '../../content/xml-read.ts'
import { seqOfStoreId } from '../../store/story.ts'
import type { Verbs } from '../../store/verbs.ts'
import { type Answer, conflictAnswer, notAllowed, notFound, quoted } from './answer.ts'
import { unmet } from './conditions.ts'
import { entryOf, listPages, listText, type Row } from './list-pages.ts'
import {
  ask,
  ELEMENT_TYPE,
  isRead,
  NAMESPACES_TYPE,
  partOf,
  type Usage,
  type XcapRequest,
  type XcapStore,
} from './usage.ts'

const DETAIL = 'deleted from the list by its owner'

const ROOT = { namespace: HISTORY_NAMESPACE, name: 'history-list' }
const ENTRY = { namespace: HISTORY_NAMESPACE, name: 'history' }

type Version = NonNullable<Verbs['mailbox.version']['reply']>

/** DM-STO-14: what waits for a user. Made from the store each time, page by page; only what is deleted from it changes it. */
export class DeferredList implements Usage {
  readonly auid = DEFERRED_LIST.auid
  readonly tree = 'users'
  readonly document = DEFERRED_LIST.document
  readonly type = DEFERRED_LIST_TYPE
  readonly namespace = HISTORY_NAMESPACE
  readonly #store: XcapStore

  constructor(store: XcapStore) {
    this.#store = store
  }

  async answer(request: XcapRequest): Promise<Answer> {
    const allow = allowed(request)
    if (!allow.split(', ').includes(request.method)) return notAllowed(allow)
    const version = await ask(this.#store, 'mailbox.version', { aor: request.aor })
    if (!version) return notFound()
    if (isRead(request.method)) return this.#read(request, version)
    return request.node ? this.#deleteOne(request, version) : this.#deleteAll(request, version)
  }

  async #read(request: XcapRequest, version: Version): Promise<Answer> {
    const { node, conditions, method } = request
    const etag = version.version
    const part = await this.#part(request, version)
    const instead = unmet(conditions, { etag, isThere: part !== undefined }, true)
    if (instead) return instead
    if (!part) return notFound()
    const headers = { 'content-type': part.type, etag: quoted(etag) }
    if (part.body !== undefined) return { status: 200, headers, body: part.body }
    if (method === 'HEAD') return { status: 200, headers }
    const { aor, now } = request
    const listing = { aor, now, newestSeq: version.newestSeq }
    const start = node ? `${LIST_ROOT}\n` : LIST_START
    return { status: 200, headers, body: Readable.from(listText(this.#store, listing, start), { objectMode: false }) }
  }

  /** Without a body: the whole list. */
  async #part(
    request: XcapRequest,
    version: Version,
  ): Promise<{ readonly type: string; readonly body?: string } | undefined> {
    const { node } = request
    if (!node) return { type: this.type }
    const [root, entry, ...rest] = node.steps
    if (!selectsRoot(root!)) return undefined
    if (entry) {
      const row = await this.#find(request, version, entry)
      if (!row) return undefined
      const document = readXml(Buffer.from(`${LIST_ROOT}${entryOf(row)}${LIST_END}`))
      return partOf(document, { ...node, steps: [{ name: ROOT }, { name: ENTRY }, ...rest] })
    }
    if (!node.terminal) return { type: ELEMENT_TYPE }
    if (node.terminal.kind === 'attribute') return undefined
    return { type: NAMESPACES_TYPE, body: `${LIST_ROOT.slice(0, -1)}/>` }
  }

  #pages({ aor, now }: XcapRequest, { newestSeq }: Version): AsyncGenerator<Row[]> {
    return listPages(this.#store, { aor, now, newestSeq }, false)
  }

  /** The one entry that the step selects. By reference it is found at once; by position those before it are counted. */
  async #find(request: XcapRequest, version: Version, step: Step): Promise<Row | undefined> {
    const { name, position, attribute } = step
    if (!isNamed(ENTRY, name)) return undefined
    if (attribute && (attribute.namespace !== '' || attribute.name !== 'history-reference')) return undefined
    if (position !== undefined || !attribute) {
      const [row, other] = await this.#at(request, version, position ?? 1)
      if (!row || (position === undefined && other) || (attribute && row.storeId !== attribute.value)) return undefined
      return this.#whole(request, version, row.seq)
    }
    const seq = seqOfStoreId(attribute.value)
    const row = seq === undefined ? undefined : await this.#whole(request, version, seq)
    return row?.storeId === attribute.value ? row : undefined
  }

  async #whole({ aor, now }: XcapRequest, { newestSeq }: Version, seq: number): Promise<Row | undefined> {
    const [row] = await ask(this.#store, 'mailbox', { aor, afterSeq: seq - 1, limit: 1, withHead: true })
    return row?.seq === seq && seq <= newestSeq && isListed(row, now) ? row : undefined
  }

  /** The entry at that position and the one behind it. */
  async #at(request: XcapRequest, version: Version, position: number): Promise<Row[]> {
    let before = position - 1
    const found: Row[] = []
    if (before < 0) return found
    for await (const rows of this.#pages(request, version)) {
      found.push(...rows.slice(before, before + 2 - found.length))
      before = Math.max(0, before - rows.length)
      if (found.length === 2) break
    }
    return found
  }

  /** What arrived after the request was seen stays. */
  async #deleteAll(request: XcapRequest, version: Version): Promise<Answer> {
    const instead = unmet(request.conditions, { etag: version.version, isThere: true }, false)
    if (instead) return instead
    for await (const rows of this.#pages(request, version))
      await Promise.all(rows.map(({ seq }) => this.#delete(request, seq)))
    return this.#deleted(request)
  }

  async #deleteOne(request: XcapRequest, version: Version): Promise<Answer> {
    const [root, entry] = request.node!.steps
    if (!entry)
      return conflictAnswer(new XcapConflict('cannot-delete', 'the list itself stays; delete the document to empty it'))
    const row = selectsRoot(root!) ? await this.#find(request, version, entry) : undefined
    const instead = unmet(request.conditions, { etag: version.version, isThere: row !== undefined }, false)
    if (instead) return instead
    if (!row) return notFound()
    if (await this.#isFollowed(request, version, entry))
      return conflictAnswer(new XcapConflict('cannot-delete', 'the same selector would then select the next message'))
    if ((await this.#delete(request, row.seq)) === 'absent') return notFound()
    return this.#deleted(request)
  }

  /** RFC 4825 8.2.4: what was deleted is not there any more. */
  async #isFollowed(request: XcapRequest, version: Version, { position, attribute }: Step): Promise<boolean> {
    if (position === undefined || attribute) return false
    return (await this.#at(request, version, position)).length > 1
  }

  #delete({ aor, now }: XcapRequest, seq: number): Promise<Verbs['delete']['reply']> {
    return ask(this.#store, 'delete', { aor, seq, at: now.wall, detail: DETAIL })
  }

  async #deleted({ aor }: XcapRequest): Promise<Answer> {
    const version = await ask(this.#store, 'mailbox.version', { aor })
    return { status: 200, headers: version ? { etag: quoted(version.version) } : {} }
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
