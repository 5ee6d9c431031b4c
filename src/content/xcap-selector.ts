import type { XmlAttribute, XmlElement } from './xml-read.ts'

/** Node selectors of XCAP (RFC 4825 6.3, 6.4): which part of a document is meant. */

/** Deeper than any document that is taken. */
const STEPS_MAX = 32
/** Decoded; a URI of more is refused before. */
const SELECTOR_LENGTH_MAX = 4096

export const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/'

export interface QName {
  readonly namespace: string
  readonly name: string
}

export interface Step {
  /** Absent: any. */
  readonly name?: QName
  /** From 1. */
  readonly position?: number
  readonly attribute?: QName & { readonly value: string }
}

export interface NodeSelector {
  /** One at least. */
  readonly steps: readonly Step[]
  /** Absent: the element itself. */
  readonly terminal?: { readonly kind: 'attribute'; readonly attribute: QName } | { readonly kind: 'namespaces' }
}

/** Not a node selector, or one that says more than is looked at. */
export class SelectorError extends Error {}

const NAME = String.raw`[\p{L}_][\p{L}\p{N}\p{M}._·-]*`
const QNAME = `(?:(${NAME}):)?(${NAME})`
const STEP = new RegExp(
  String.raw`(?:(\*)|${QNAME})(?:\[(\d{1,9})\])?(?:\[@${QNAME}=(?:"([^"<]*)"|'([^'<]*)')\])?(?=/|$)`,
  'uy',
)
const ATTRIBUTE = new RegExp(`^@${QNAME}$`, 'u')
const BINDING = new RegExp(String.raw`\s*xmlns\(\s*(${NAME})\s*=((?:[^()^]|\^[()^])*)\)`, 'uy')
const REFERENCE = /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(lt|gt|amp|quot|apos));|&/g
const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** Of the query, decoded: `xmlns(a=urn:x)xmlns(b=urn:y)`. Throws SelectorError. */
export function readBindings(query: string): Map<string, string> {
  const bindings = new Map<string, string>()
  const text = query.trim()
  BINDING.lastIndex = 0
  while (BINDING.lastIndex < text.length) {
    const match = BINDING.exec(text)
    if (!match) throw new SelectorError('the query is not a list of xmlns(prefix=namespace)')
    bindings.set(match[1]!, match[2]!.replace(/\^(.)/g, '$1'))
  }
  return bindings
}

/** `text` is decoded. A name without prefix is of `defaultNamespace`, an attribute without prefix of none. Throws SelectorError. */
export function readSelector(
  text: string,
  bindings: ReadonlyMap<string, string>,
  defaultNamespace: string,
): NodeSelector {
  if (text.length > SELECTOR_LENGTH_MAX) throw new SelectorError(`longer than ${SELECTOR_LENGTH_MAX} characters`)
  const namespaceOf = (prefix: string | undefined, fallback: string): string => {
    const namespace = prefix === undefined ? fallback : bindings.get(prefix)
    if (namespace === undefined) throw new SelectorError(`the prefix ${prefix} is bound to nothing in the query`)
    return namespace
  }
  const steps: Step[] = []
  for (let at = 0; ; ) {
    STEP.lastIndex = at
    const match = STEP.exec(text)
    if (!match) throw new SelectorError(`not a step of a node selector, at character ${at + 1}`)
    if (steps.length >= STEPS_MAX) throw new SelectorError(`more than ${STEPS_MAX} steps`)
    steps.push(stepOf(match, defaultNamespace, namespaceOf))
    at = STEP.lastIndex + 1
    if (at > text.length) return { steps }
    const rest = text.slice(at)
    if (rest === 'namespace::*') return { steps, terminal: { kind: 'namespaces' } }
    const attribute = ATTRIBUTE.exec(rest)
    if (attribute) {
      const name = { namespace: namespaceOf(attribute[1], ''), name: attribute[2]! }
      return { steps, terminal: { kind: 'attribute', attribute: name } }
    }
  }
}

function stepOf(
  match: RegExpExecArray,
  defaultNamespace: string,
  namespaceOf: (prefix: string | undefined, fallback: string) => string,
): Step {
  const [, any, prefix, name, position, attributePrefix, attribute, double, single] = match
  return {
    ...(any === undefined && { name: { namespace: namespaceOf(prefix, defaultNamespace), name: name! } }),
    ...(position !== undefined && { position: Number(position) }),
    ...(attribute !== undefined && {
      attribute: {
        namespace: namespaceOf(attributePrefix, ''),
        name: attribute,
        value: withoutReferences(double ?? single!),
      },
    }),
  }
}

/** The attribute value of a selector is written as in XML. */
const withoutReferences = (text: string): string =>
  text.replace(REFERENCE, (whole, decimal?: string, hex?: string, named?: string) => {
    if (named !== undefined) return NAMED[named]!
    if (whole === '&') throw new SelectorError('& is written &amp;')
    const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)
    if (code > 0x10ffff) throw new SelectorError(`${whole} is no character`)
    return String.fromCodePoint(code)
  })

export const isNamed = (element: QName, name: QName | undefined): boolean =>
  name === undefined || (element.namespace === name.namespace && element.name === name.name)

export const attributeNamed = ({ attributes }: XmlElement, { namespace, name }: QName): XmlAttribute | undefined =>
  attributes.find(attribute => attribute.name === name && attribute.namespace === namespace)

/** From the root to the element that the steps select; undefined unless each step selects exactly one (RFC 4825 6.3). */
export function pathTo(root: XmlElement, steps: readonly Step[]): XmlElement[] | undefined {
  const path: XmlElement[] = []
  let among: readonly XmlElement[] = [root]
  for (const step of steps) {
    const [found, ...more] = matching(among, step)
    if (!found || more.length > 0) return undefined
    path.push(found)
    among = found.children
  }
  return path
}

/** RFC 4825 6.3: the position counts those of that name, and the attribute is looked at afterwards. */
function matching(among: readonly XmlElement[], { name, position, attribute }: Step): readonly XmlElement[] {
  const named = among.filter(element => isNamed(element, name))
  const placed = position === undefined ? named : named.slice(Math.max(0, position - 1), position)
  return attribute ? placed.filter(one => attributeNamed(one, attribute)?.value === attribute.value) : placed
}

/** Prefixes in scope at the end of a path of elements; empty for the default namespace. */
export function namespacesInScope(path: readonly XmlElement[]): Map<string, string> {
  const scope = new Map<string, string>()
  for (const { attributes } of path)
    for (const { namespace, name, value } of attributes) {
      if (namespace !== XMLNS_NAMESPACE) continue
      const prefix = name === 'xmlns' ? '' : name
      if (value === '') scope.delete(prefix)
      else scope.set(prefix, value)
    }
  return scope
}
