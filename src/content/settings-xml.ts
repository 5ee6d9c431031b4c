import {
  type ChosenSettings,
  SETTING_NAMES,
  SETTINGS_BYTES_MAX,
  type SettingName,
  type SettingsChange,
} from '../base/service-settings.ts'
import {
  placeOf,
  readXml,
  type XmlAttribute,
  type XmlDocument,
  type XmlElement,
  XmlError,
  xmlEscaped,
} from './xml-read.ts'

/** OMA SIMPLE IM 1.0, Appendix E. */
export const SETTINGS_NAMESPACE = 'urn:oma:xml:im:service-settings'

/** RFC 3903 4.3: under which such a document may come; none of them says what is in it, the namespace does. */
export const SETTINGS_TYPES = [
  'application/im-settings+xml',
  'application/poc-settings+xml',
  'application/xml',
  'text/xml',
] as const

const BOUNDS = { bytesMax: SETTINGS_BYTES_MAX, depthMax: 32 }

/** An element that carries one setting, and where `active` of it is written. */
interface Found {
  readonly name: SettingName
  readonly element: XmlElement
  readonly active: XmlAttribute
}

const TYPES: Record<string, SettingName> = { 'session-mode': 'sessionHistory', 'pager-large-mode': 'pagerHistory' }

/** Where each setting is written when the document does not say it yet. */
const PLACES: Record<SettingName, { readonly parent: string; readonly name: string; readonly attributes: string }> = {
  offlineDelivery: { parent: 'deferred-settings', name: 'offline-delivery', attributes: '' },
  sessionHistory: { parent: 'hist-settings', name: 'hist-activation', attributes: ' type="session-mode"' },
  pagerHistory: { parent: 'hist-settings', name: 'hist-activation', attributes: ' type="pager-large-mode"' },
  visible: { parent: 'vis-settings', name: 'vis-status', attributes: '' },
}

const EMPTY = `<?xml version="1.0" encoding="UTF-8"?>
<im-settings xmlns="${SETTINGS_NAMESPACE}">
</im-settings>
`

/** One setting twice, and each time another. */
export class SettingTwice extends XmlError {}

/** By namespace and local name, wherever they stand; what is not known is left alone. Throws XmlError with the place. */
export function readSettings(bytes: Buffer): ChosenSettings {
  const document = readXml(bytes, BOUNDS)
  if (!isOurs(document.root) && !descendants(document.root).some(isOurs))
    throw new XmlError(
      `nothing in it is of the namespace ${SETTINGS_NAMESPACE}`,
      placeOf(document, document.root.start),
    )
  const chosen: { [N in SettingName]?: boolean } = {}
  for (const { name, element, active } of settingsIn(document)) {
    const value = booleanOf(document, active)
    if (chosen[name] !== undefined && chosen[name] !== value)
      throw new SettingTwice(
        `<${element.name}> says another thing than the one before it`,
        placeOf(document, element.start),
      )
    chosen[name] = value
  }
  return chosen
}

/** The document with those settings changed and everything else as it stands, byte by byte. Throws XmlError where there is no room. */
export function changedDocument(bytes: Buffer | undefined, change: SettingsChange): Buffer {
  let text = bytes?.toString() ?? EMPTY
  for (const name of SETTING_NAMES) {
    const wanted = change[name]
    if (wanted === undefined) continue
    const document = readXml(Buffer.from(text))
    const found = settingsIn(document).filter(setting => setting.name === name)
    if (wanted === null) text = without(document, found)
    else if (found.length > 0) text = withValue(document, found, wanted)
    else text = withElement(document, name, wanted)
  }
  const changed = Buffer.from(text)
  if (changed.length > SETTINGS_BYTES_MAX) throw new XmlError(`more than ${SETTINGS_BYTES_MAX} bytes`)
  return changed
}

function withValue({ text }: XmlDocument, found: readonly Found[], value: boolean): string {
  const edits = found.map(({ active }) => ({ from: active.valueStart, to: active.valueEnd, by: String(value) }))
  return edited(text, edits)
}

/** The root has to stay: one that is itself the setting gives way to a new document with the other settings. */
function without(document: XmlDocument, found: readonly Found[]): string {
  const { text, root } = document
  if (found.some(({ element }) => element === root)) {
    const others = settingsIn(document).filter(({ name }) => name !== found[0]!.name)
    const values = others.map(({ name, active }) => [name, booleanOf(document, active)])
    return changedDocument(undefined, Object.fromEntries(values)).toString()
  }
  return edited(
    text,
    found.map(({ element }) => ({ from: lineStart(text, element.start), to: element.end, by: '' })),
  )
}

/** Before the end of its parent, or of the root with a parent of its own. */
function withElement({ text, root }: XmlDocument, name: SettingName, value: boolean): string {
  const { parent, name: local, attributes } = PLACES[name]
  const inside = [root, ...descendants(root)].find(element => isOurs(element) && element.name === parent)
  const active = `${attributes} active="${value}"`
  if (inside) return appended(text, inside, `<${qualified(inside, local)}${active}/>`)
  const isDefault = isOurs(root) && root.prefix === ''
  const namespace = isDefault ? '' : ` xmlns="${xmlEscaped(SETTINGS_NAMESPACE)}"`
  return appended(text, root, `<${parent}${namespace}><${local}${active}/></${parent}>`)
}

function appended(text: string, element: XmlElement, content: string): string {
  if (!element.isEmptyTag) {
    const at = lineStart(text, element.contentEnd)
    const isOwnLine = at < element.contentEnd
    return edited(text, [
      { from: at, to: at, by: isOwnLine ? `${text.slice(at, element.contentEnd)}  ${content}` : content },
    ])
  }
  const from = text.lastIndexOf('/', element.end)
  return edited(text, [{ from, to: element.end, by: `>${content}</${qualified(element, element.name)}>` }])
}

const qualified = ({ prefix }: XmlElement, name: string): string => (prefix === '' ? name : `${prefix}:${name}`)

/** Where the line break and indentation before `at` begin; `at` itself where something else stands on the line. */
function lineStart(text: string, at: number): number {
  const indent = /\r?\n[ \t]*$/.exec(text.slice(0, at))
  return indent ? indent.index : at
}

interface Edit {
  readonly from: number
  readonly to: number
  readonly by: string
}

const edited = (text: string, edits: readonly Edit[]): string =>
  [...edits]
    .sort((a, b) => b.from - a.from)
    .reduce((result, { from, to, by }) => result.slice(0, from) + by + result.slice(to), text)

const isOurs = ({ namespace }: XmlElement): boolean => namespace === SETTINGS_NAMESPACE

const descendants = (element: XmlElement): XmlElement[] =>
  element.children.flatMap(child => [child, ...descendants(child)])

function settingsIn(document: XmlDocument): Found[] {
  return [document.root, ...descendants(document.root)].filter(isOurs).flatMap(element => {
    if (element.name === 'offline-delivery') return [foundIn(document, 'offlineDelivery', element)]
    if (element.name === 'vis-status') return [foundIn(document, 'visible', element)]
    return element.name === 'hist-activation' ? activations(document, element) : []
  })
}

/** The kind stands in `type`, or is an element of its name, which then may carry `active` itself. */
function activations(document: XmlDocument, element: XmlElement): Found[] {
  const type = TYPES[attributeOf(element, 'type')?.value ?? '']
  if (type) return [foundIn(document, type, element)]
  const kinds = element.children.filter(child => isOurs(child) && TYPES[child.name] !== undefined)
  const [kind] = kinds
  if (kind && kinds.length === 1 && !attributeOf(kind, 'active')) return [foundIn(document, TYPES[kind.name]!, element)]
  return kinds.map(child => foundIn(document, TYPES[child.name]!, child))
}

function foundIn(document: XmlDocument, name: SettingName, element: XmlElement): Found {
  const active = attributeOf(element, 'active')
  if (!active) throw new XmlError(`<${element.name}> has no attribute active`, placeOf(document, element.start))
  return { name, element, active }
}

const attributeOf = ({ attributes }: XmlElement, name: string): XmlAttribute | undefined =>
  attributes.find(attribute => attribute.name === name && attribute.namespace === '')

/** Appendix E spells "True" and "False"; XML Schema has the other four. */
function booleanOf(document: XmlDocument, { value, valueStart }: XmlAttribute): boolean {
  if (/^(?:true|True|1)$/.test(value.trim())) return true
  if (/^(?:false|False|0)$/.test(value.trim())) return false
  throw new XmlError('active is neither true nor false', placeOf(document, valueStart))
}
