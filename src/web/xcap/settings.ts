import { SETTINGS_BYTES_MAX } from '../../base/service-settings.ts'
import { readSettings, SETTINGS_NAMESPACE, SETTINGS_TYPES, SettingTwice } from '../../content/settings-xml.ts'
import { deletePart, putPart, XcapConflict } from '../../content/xcap-edit.ts'
import { documentPath, SERVICE_SETTINGS } from '../../content/xcap-names.ts'
import { readXml, XmlBeyondBounds, type XmlDocument, XmlError, XmlNotUtf8 } from '../../content/xml-read.ts'
import { documentTag, type SettingsRecord } from '../../store/settings.ts'
import { type Answer, conflictAnswer, notAllowed, notFound, quoted, unavailable, wrongType } from './answer.ts'
import { unmet } from './conditions.ts'
import {
  ATTRIBUTE_TYPE,
  ask,
  ELEMENT_TYPE,
  isRead,
  partOf,
  reading,
  type Usage,
  type XcapRequest,
  type XcapStore,
} from './usage.ts'

/** Two writers who meet again and again are not two people. */
const TRIES = 8

const BOUNDS = { bytesMax: SETTINGS_BYTES_MAX, depthMax: 32 }

/** What a change leaves: the document, or none. */
interface Change {
  readonly document?: Buffer
  readonly status: 200 | 201
}

/** The settings of the service (OMA SIMPLE IM 1.0, Appendix E) as their owner writes them. */
export class SettingsDocument implements Usage {
  readonly auid = SERVICE_SETTINGS.auid
  readonly tree = 'users'
  readonly document = SERVICE_SETTINGS.document
  readonly type = SETTINGS_TYPES[0]
  readonly namespace = SETTINGS_NAMESPACE
  readonly #store: XcapStore

  constructor(store: XcapStore) {
    this.#store = store
  }

  async answer(request: XcapRequest): Promise<Answer> {
    const { method, node } = request
    const allow = node?.terminal?.kind === 'namespaces' ? 'GET, HEAD' : 'GET, HEAD, PUT, DELETE'
    if (!allow.split(', ').includes(method)) return notAllowed(allow)
    if (isRead(method)) return this.#read(request)
    const accept = node ? [node.terminal ? ATTRIBUTE_TYPE : ELEMENT_TYPE] : SETTINGS_TYPES
    if (method === 'PUT' && !accept.includes(request.contentType as never)) return wrongType(accept.join(', '))
    return this.#write(request)
  }

  async #read(request: XcapRequest): Promise<Answer> {
    const record = await ask(this.#store, 'settings.get', { aor: request.aor })
    if (!record?.stored) return unmet(request.conditions, { isThere: false }, true) ?? notFound()
    return reading(request, readXml(record.stored.document), { type: this.type, etag: documentTag(record.stored) })
  }

  async #write(request: XcapRequest): Promise<Answer> {
    const { aor, now } = request
    for (let tries = 0; tries < TRIES; tries++) {
      const record = await ask(this.#store, 'settings.get', { aor })
      if (!record) return notFound()
      const change = this.#change(request, record)
      if (!('change' in change)) return change
      const { document, status } = change.change
      const stored = document && {
        document,
        chosen: readSettings(document),
        modifiedAt: now.wall,
        revision: record.version + 1,
      }
      const settings = { ...(stored && { stored }), published: stillPublished(record, stored !== undefined) }
      const put = await ask(this.#store, 'settings.put', { aor, version: record.version, settings })
      if (put === 'unknown') return notFound()
      if (put === 'saved') return { status, headers: stored ? { etag: quoted(documentTag(stored)) } : {} }
    }
    return unavailable()
  }

  #change(request: XcapRequest, { stored }: SettingsRecord): { readonly change: Change } | Answer {
    const { node, conditions, method, body } = request
    const document = stored && readXml(stored.document)
    const isThere = document !== undefined && (!node || partOf(document, node) !== undefined)
    const current = { isThere, ...(stored && { etag: documentTag(stored) }) }
    const instead = unmet(conditions, current, false)
    if (instead) return instead
    if (method === 'DELETE' && !isThere) return notFound()
    if (method === 'DELETE' && !node) return { change: { status: 200 } }
    try {
      if (!node) return { change: { document: checked(body), status: isThere ? 200 : 201 } }
      if (!document) throw new XcapConflict('no-parent', 'there is no document')
      return { change: changed(document, request) }
    } catch (error) {
      if (error instanceof XcapConflict) return conflictAnswer(error, request.root + documentPath(this, request.aor))
      throw error
    }
  }
}

/** A part of it put or deleted; what then would not be a document of settings is refused. */
function changed(document: XmlDocument, { node, method, body }: XcapRequest): Change {
  const { text, isNew } =
    method === 'PUT'
      ? bounded(() => putPart(document, node!, body, BOUNDS))
      : { text: bounded(() => deletePart(document, node!, BOUNDS))!, isNew: false }
  return { document: checked(Buffer.from(text)), status: isNew ? 201 : 200 }
}

function bounded<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof XmlError) throw new XcapConflict('constraint-failure', error.message)
    throw error
  }
}

/** RFC 4825 8.2.5. */
function checked(bytes: Buffer): Buffer {
  try {
    readXml(bytes, BOUNDS)
  } catch (error) {
    if (error instanceof XmlNotUtf8) throw new XcapConflict('not-utf-8', error.message)
    if (error instanceof XmlBeyondBounds) throw new XcapConflict('constraint-failure', error.message)
    if (error instanceof XmlError) throw new XcapConflict('not-well-formed', error.message)
    throw error
  }
  try {
    readSettings(bytes)
    return bytes
  } catch (error) {
    if (error instanceof SettingTwice) throw new XcapConflict('uniqueness-failure', error.message)
    if (error instanceof XmlError) throw new XcapConflict('schema-validation-error', error.message)
    throw error
  }
}

/** What a document that is written later has passed over is not to come back when that goes. */
const stillPublished = ({ stored, published }: SettingsRecord, isWritten: boolean): SettingsRecord['published'] =>
  isWritten ? published : published.filter(({ revision }) => revision > (stored?.revision ?? 0))
