import {
  attributeNamed,
  isNamed,
  type NodeSelector,
  namespacesInScope,
  pathTo,
  type QName,
  type Step,
  XMLNS_NAMESPACE,
} from './xcap-selector.ts'
import {
  readXml,
  type XmlBounds,
  type XmlDocument,
  type XmlElement,
  XmlError,
  XmlNotUtf8,
  xmlEscaped,
} from './xml-read.ts'

/** Changes of a part of a document (RFC 4825 8.2), in its text: whatever else stands there stays byte by byte. */

/** RFC 4825 11: why a change is not made, as the elements of xcap-error name it. */
export type XcapCondition =
  | 'not-well-formed'
  | 'not-xml-frag'
  | 'no-parent'
  | 'schema-validation-error'
  | 'not-xml-att-value'
  | 'cannot-insert'
  | 'cannot-delete'
  | 'uniqueness-failure'
  | 'constraint-failure'
  | 'not-utf-8'

export class XcapConflict extends Error {
  readonly condition: XcapCondition
  constructor(condition: XcapCondition, phrase: string) {
    super(phrase)
    this.condition = condition
  }
}

export interface Edited {
  readonly text: string
  readonly isNew: boolean
}

/** Puts `content` in the place of what is selected, or where it would be. Throws XcapConflict. */
export function putPart(document: XmlDocument, selector: NodeSelector, content: Buffer, bounds: XmlBounds): Edited {
  if (selector.terminal?.kind === 'attribute') return putAttribute(document, selector, content, bounds)
  return putElement(document, selector.steps, content, bounds)
}

/** Undefined: there is nothing to be deleted. Throws XcapConflict. */
export function deletePart(
  document: XmlDocument,
  { steps, terminal }: NodeSelector,
  bounds: XmlBounds,
): string | undefined {
  const path = pathTo(document.root, steps)
  const element = path?.at(-1)
  if (!element) return undefined
  const { text } = document
  if (terminal?.kind === 'attribute') {
    const found = attributeNamed(element, terminal.attribute)
    if (!found) return undefined
    if (found.namespace === XMLNS_NAMESPACE)
      throw new XcapConflict('cannot-delete', 'a namespace declaration is no attribute')
    return text.slice(0, attributeStart(text, found.valueStart)) + text.slice(found.valueEnd + 1)
  }
  if (path!.length === 1) throw new XcapConflict('cannot-delete', 'a document without its root is none')
  const without = text.slice(0, element.start) + text.slice(element.end)
  if (pathTo(readXml(Buffer.from(without), bounds).root, steps))
    throw new XcapConflict('cannot-delete', 'the same selector would then select another element')
  return without
}

/** Of the space before its name. Backwards from its value, character by character: any amount of space may stand there. */
function attributeStart(text: string, valueStart: number): number {
  let at = valueStart - 1
  const skip = (wanted: RegExp): void => {
    while (wanted.test(text[at - 1]!)) at--
  }
  skip(/\s/)
  at--
  skip(/\s/)
  skip(/\S/)
  skip(/\s/)
  return at
}

function putElement(document: XmlDocument, steps: readonly Step[], content: Buffer, bounds: XmlBounds): Edited {
  const parentPath = pathTo(document.root, steps.slice(0, -1))
  if (!parentPath) throw new XcapConflict('no-parent', 'what it would stand in is not there')
  const path = pathTo(document.root, steps)
  const fragment = fragmentOf(content, namespacesInScope(parentPath), bounds)
  const { text } = document
  const old = path?.at(-1)
  if (old) {
    const changed = text.slice(0, old.start) + fragment + text.slice(old.end)
    return { text: selecting(changed, steps, fragment, bounds), isNew: false }
  }
  const parent = parentPath.at(-1)
  if (!parent) throw new XcapConflict('cannot-insert', 'the root is another element')
  const changed = inserted(text, parent, steps.at(-1)!, fragment)
  return { text: selecting(changed, steps, fragment, bounds), isNew: true }
}

/** RFC 4825 8.2.3: by its position among those of the name, else behind the last of them, else at the end. */
function inserted(text: string, parent: XmlElement, { name, position }: Step, fragment: string): string {
  const siblings = parent.children.filter(child => isNamed(child, name))
  const before = position === undefined ? siblings.length : position - 1
  if (before > siblings.length || before < 0)
    throw new XcapConflict('cannot-insert', `only ${siblings.length} elements of that name stand before it`)
  const next = siblings[before]
  const last = siblings[before - 1]
  if (last) return text.slice(0, last.end) + fragment + text.slice(last.end)
  if (next) return text.slice(0, next.start) + fragment + text.slice(next.start)
  if (!parent.isEmptyTag) return text.slice(0, parent.contentEnd) + fragment + text.slice(parent.contentEnd)
  const slash = text.lastIndexOf('/', parent.end)
  const tag = parent.prefix === '' ? parent.name : `${parent.prefix}:${parent.name}`
  return `${text.slice(0, slash)}>${fragment}</${tag}>${text.slice(parent.end)}`
}

/** RFC 4825 8.2.3: what was put is what the same selector selects now. */
function selecting(text: string, steps: readonly Step[], fragment: string, bounds: XmlBounds): string {
  const found = pathTo(readXml(Buffer.from(text), bounds).root, steps)?.at(-1)
  if (!found || text.slice(found.start, found.end) !== fragment)
    throw new XcapConflict('cannot-insert', 'the selector would not select what was put')
  return text
}

/** One element, read among the prefixes of where it is put. */
function fragmentOf(content: Buffer, scope: ReadonlyMap<string, string>, bounds: XmlBounds): string {
  const declared = [...scope].map(
    ([prefix, namespace]) => ` xmlns${prefix === '' ? '' : `:${prefix}`}="${xmlEscaped(namespace)}"`,
  )
  if (content.length > bounds.bytesMax)
    throw new XcapConflict('constraint-failure', `more than ${bounds.bytesMax} bytes`)
  const before = `<parent${declared.join('')}>`
  try {
    const around = Buffer.concat([Buffer.from(before), content, Buffer.from('</parent>')])
    const { root, text } = readXml(around, { ...bounds, bytesMax: bounds.bytesMax + around.length - content.length })
    const [element, ...more] = root.children
    const isAlone = element && more.length === 0 && root.text.trim() === '' && root.end === text.length
    if (isAlone) return text.slice(element.start, element.end)
  } catch (error) {
    if (error instanceof XmlNotUtf8) throw new XcapConflict('not-utf-8', error.message)
    if (!(error instanceof XmlError)) throw error
    throw new XcapConflict('not-xml-frag', fragmentFault(error, before.length))
  }
  throw new XcapConflict('not-xml-frag', 'not exactly one element')
}

/** As the sender counts: without what was put before. */
function fragmentFault({ place, message }: XmlError, before: number): string {
  if (!place) return message
  const column = place.line === 1 ? Math.max(1, place.column - before) : place.column
  return `line ${place.line}, column ${column}${message.slice(message.indexOf(':'))}`
}

function putAttribute(
  document: XmlDocument,
  { steps, terminal }: NodeSelector,
  content: Buffer,
  bounds: XmlBounds,
): Edited {
  const path = pathTo(document.root, steps)
  const element = path?.at(-1)
  if (!path || !element || terminal?.kind !== 'attribute')
    throw new XcapConflict('no-parent', 'there is no such element')
  const { attribute } = terminal
  if (attribute.namespace === XMLNS_NAMESPACE)
    throw new XcapConflict('cannot-insert', 'a namespace declaration is no attribute')
  const value = attributeValueOf(content)
  const { text } = document
  const found = attributeNamed(element, attribute)
  const changed = found
    ? `${text.slice(0, found.valueStart)}${value}${text.slice(found.valueEnd)}`
    : withAttribute(text, path, element, attribute, value)
  const now = pathTo(readXml(Buffer.from(changed), bounds).root, steps)?.at(-1)
  if (!now || !attributeNamed(now, attribute))
    throw new XcapConflict('cannot-insert', 'the selector would not select what was put')
  return { text: changed, isNew: found === undefined }
}

function withAttribute(
  text: string,
  path: readonly XmlElement[],
  element: XmlElement,
  { namespace, name }: QName,
  value: string,
): string {
  const scope = [...namespacesInScope(path)]
  const prefix = namespace === '' ? '' : scope.find(([one, bound]) => one !== '' && bound === namespace)?.[0]
  if (prefix === undefined)
    throw new XcapConflict('cannot-insert', 'no prefix of the document stands for the namespace of the attribute')
  const tag = element.prefix === '' ? element.name : `${element.prefix}:${element.name}`
  const at = element.start + 1 + tag.length
  return `${text.slice(0, at)} ${prefix === '' ? name : `${prefix}:${name}`}="${value}"${text.slice(at)}`
}

/** RFC 4825 7.7: AttValue of XML without its quotes. Fits between quotes of either kind. */
function attributeValueOf(content: Buffer): string {
  let value: string
  try {
    value = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch {
    throw new XcapConflict('not-utf-8', 'not UTF-8')
  }
  const quoted = value.replace(/"/g, '&quot;').replace(/'/g, '&apos;')
  try {
    const { root } = readXml(Buffer.from(`<a v="${quoted}"/>`))
    if (root.attributes.length === 1 && root.isEmptyTag) return quoted
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
  }
  throw new XcapConflict('not-xml-att-value', 'not an attribute value')
}
