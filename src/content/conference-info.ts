import { readXml, type XmlBounds, type XmlElement, XmlError } from './xml-read.ts'

/** RFC 4575 4. */
export const CONFERENCE_INFO_TYPE = 'application/conference-info+xml'
const NAMESPACE = 'urn:ietf:params:xml:ns:conference-info'

/** Some hundreds of people with all that there is to say of each; as a tree of elements 40 MB for a moment, at the very worst. */
const BOUNDS: XmlBounds = { bytesMax: 262_144, depthMax: 32 }
/** Nobody reads a longer list; of whoever comes later nothing is known until somebody has gone. */
const USERS_MAX = 1000
/** A person with more devices in one conference than this has one that counts less. */
const ENDPOINTS_MAX = 16
/** Longer than any URI or name that a person could read. */
const URI_LENGTH_MAX = 1024
const NAME_LENGTH_MAX = 256

/** RFC 4575 5.7.3: on the way in, on the way out, or out. */
const NOT_IN = new Set(['pending', 'dialing-out', 'dialing-in', 'alerting', 'disconnecting', 'disconnected'])

/** Somebody who is in the conference. */
interface ConferenceUser {
  /** Entity of the user, as it is spelled. */
  readonly uri: string
  readonly displayName?: string
}

/**
 * What came of a document. `applied`: it counts. `old`: it says what was known before, and is passed over. `gap`: something between
 * is missing, and the whole state has to be asked for. `over`: the conference has ended. `malformed`: it is none, and is passed over.
 */
type ConferenceChange = 'applied' | 'old' | 'gap' | 'over' | 'malformed'

interface User {
  displayName?: string
  /** Status of each endpoint by its entity. */
  endpoints: Map<string, string>
}

/** RFC 4575 4.4 to 4.6: the state of one conference as its documents make it, each after the other. Only who is in it is kept. */
export class ConferenceState {
  #version: number | undefined
  #users = new Map<string, User>()

  /** A subscription begins anew, and with it the numbers of versions. Who was there is there until it is told otherwise. */
  restart(): void {
    this.#version = undefined
  }

  apply(bytes: Buffer): ConferenceChange {
    const root = rootOf(bytes)
    if (!root) return 'malformed'
    const state = stateOf(root)
    if (state === 'deleted') {
      this.#users.clear()
      return 'over'
    }
    const version = versionOf(root)
    const known = this.#version
    if (state === 'partial') {
      if (known === undefined || version === undefined || version > known + 1) return 'gap'
      if (version <= known) return 'old'
    } else if (known !== undefined && version !== undefined && version < known) return 'old'
    if (state === 'full') this.#users = new Map()
    this.#version = version ?? 0
    for (const users of childrenOf(root, 'users')) this.#applyUsers(users)
    return 'applied'
  }

  /** In the order in which they were first told of. Who has no endpoint is in: many servers tell of none. */
  *present(): IterableIterator<ConferenceUser> {
    for (const [uri, { displayName, endpoints }] of this.#users) {
      const states = [...endpoints.values()]
      if (states.length > 0 && states.every(status => NOT_IN.has(status))) continue
      yield displayName === undefined ? { uri } : { uri, displayName }
    }
  }

  #applyUsers(users: XmlElement): void {
    const state = stateOf(users)
    if (state !== 'partial') this.#users = new Map()
    if (state === 'deleted') return
    for (const user of childrenOf(users, 'user')) this.#applyUser(user)
  }

  #applyUser(element: XmlElement): void {
    const uri = own(attributeOf(element, 'entity')?.trim() ?? '')
    if (uri === '' || uri.length > URI_LENGTH_MAX) return
    const state = stateOf(element)
    if (state === 'deleted') {
      this.#users.delete(uri)
      return
    }
    const before = this.#users.get(uri)
    if (!before && this.#users.size >= USERS_MAX) return
    const user: User = state === 'partial' && before ? before : { endpoints: new Map() }
    this.#users.set(uri, user)
    const name = childrenOf(element, 'display-text')[0]?.text.trim()
    if (name) user.displayName = own([...name].slice(0, NAME_LENGTH_MAX).join(''))
    for (const endpoint of childrenOf(element, 'endpoint')) applyEndpoint(user, endpoint)
  }
}

function applyEndpoint({ endpoints }: User, element: XmlElement): void {
  const entity = own(attributeOf(element, 'entity')?.trim() ?? '')
  if (entity.length > URI_LENGTH_MAX) return
  const state = stateOf(element)
  if (state === 'deleted') {
    // Gone, which is another thing than never told of.
    if (endpoints.has(entity)) endpoints.set(entity, 'disconnected')
    return
  }
  if (!endpoints.has(entity) && endpoints.size >= ENDPOINTS_MAX) return
  const status = childrenOf(element, 'status')[0]?.text.trim().toLowerCase()
  const before = state === 'partial' ? endpoints.get(entity) : undefined
  endpoints.set(entity, status === undefined ? (before ?? '') : own(status.slice(0, NAME_LENGTH_MAX)))
}

/** What was cut from a document keeps all of it in memory. */
const own = (text: string): string => Buffer.from(text).toString()

function rootOf(bytes: Buffer): XmlElement | undefined {
  try {
    const { root } = readXml(bytes, BOUNDS)
    return root.namespace === NAMESPACE && root.name === 'conference-info' ? root : undefined
  } catch (error) {
    if (error instanceof XmlError) return undefined
    throw error
  }
}

const childrenOf = (element: XmlElement, name: string): XmlElement[] =>
  element.children.filter(child => child.namespace === NAMESPACE && child.name === name)

const attributeOf = (element: XmlElement, name: string): string | undefined =>
  element.attributes.find(attribute => attribute.namespace === '' && attribute.name === name)?.value

/** RFC 4575 5.1: full where it does not say. */
function stateOf(element: XmlElement): 'full' | 'partial' | 'deleted' {
  const state = attributeOf(element, 'state')?.trim()
  return state === 'partial' || state === 'deleted' ? state : 'full'
}

/** RFC 4575 5.1: an unsigned 32-bit integer. */
function versionOf(element: XmlElement): number | undefined {
  const text = attributeOf(element, 'version')?.trim() ?? ''
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined
}
