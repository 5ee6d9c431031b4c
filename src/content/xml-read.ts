import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes'

/** What an XML document from outside may cost. */
export interface XmlBounds {
  readonly bytesMax: number
  readonly depthMax: number
}

/** Far above any settings, list or resource-lists document of a person; as a tree of elements some 10 MB at the very worst. */
const XML_BOUNDS: XmlBounds = { bytesMax: 65_536, depthMax: 32 }

export interface XmlAttribute {
  /** Empty where the name has no prefix. */
  readonly namespace: string
  readonly name: string
  readonly value: string
  /** Offsets in the text of what stands between the quotes. */
  readonly valueStart: number
  readonly valueEnd: number
}

export interface XmlElement {
  readonly namespace: string
  /** Without prefix. */
  readonly name: string
  readonly prefix: string
  readonly attributes: readonly XmlAttribute[]
  readonly children: readonly XmlElement[]
  /** The character data directly inside, without that of the children. */
  readonly text: string
  readonly isEmptyTag: boolean
  /** Offsets in the text: of `<` of the start tag, past its `>`, of `<` of the end tag (past `>` of an empty tag), past everything. */
  readonly start: number
  readonly contentStart: number
  readonly contentEnd: number
  readonly end: number
}

export interface XmlDocument {
  /** As received, to be changed in place by the offsets of its elements. */
  readonly text: string
  readonly root: XmlElement
}

/** From 1, in characters. */
interface XmlPlace {
  readonly line: number
  readonly column: number
}

/** Malformed, or more than is taken. Without a place the whole document is meant. */
export class XmlError extends Error {
  readonly place: XmlPlace | undefined
  constructor(what: string, place?: XmlPlace) {
    super(place ? `line ${place.line}, column ${place.column}: ${what}` : what)
    this.place = place
  }
}

/** More than is taken, be it well-formed or not. */
export class XmlBeyondBounds extends XmlError {}

export class XmlNotUtf8 extends XmlError {}

export function placeOf({ text }: XmlDocument, offset: number): XmlPlace {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/)
  return { line: before.length, column: [...before.at(-1)!].length + 1 }
}

type Open = { -readonly [K in keyof XmlElement]: XmlElement[K] } & {
  readonly attributes: XmlAttribute[]
  readonly children: XmlElement[]
}

/**
 * Namespaces in XML 1.0, UTF-8. No document type, and so no entities but the five of XML; no other encoding. Throws XmlError with the
 * place of what is wrong.
 */
export function readXml(bytes: Buffer, bounds = XML_BOUNDS): XmlDocument {
  if (bytes.length > bounds.bytesMax) throw new XmlBeyondBounds(`more than ${bounds.bytesMax} bytes`)
  return new Reading(textOf(bytes), bounds).run()
}

class Reading {
  readonly #text: string
  readonly #bounds: XmlBounds
  readonly #parser = new SaxesParser({ xmlns: true })
  readonly #open: Open[] = []
  #attributes: XmlAttribute[] = []
  #start = 0
  #root: XmlElement | undefined

  constructor(text: string, bounds: XmlBounds) {
    this.#text = text
    this.#bounds = bounds
    const parser = this.#parser
    parser.on('error', error => this.#fail(error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '')))
    parser.on('doctype', () => this.#refuse('a document type is not taken'))
    parser.on('xmldecl', ({ encoding }) => {
      if (encoding !== undefined && !/^(?:utf-8|us-ascii)$/i.test(encoding)) {
        throw new XmlNotUtf8('only UTF-8 is taken', this.#place())
      }
    })
    parser.on('opentagstart', () => this.#starts())
    parser.on('attribute', attribute => this.#attribute(attribute))
    parser.on('opentag', tag => this.#opens(tag))
    parser.on('closetag', () => this.#closes())
    parser.on('text', text => this.#characters(text))
    parser.on('cdata', text => this.#characters(text))
  }

  run(): XmlDocument {
    this.#parser.write(this.#text).close()
    return { text: this.#text, root: this.#root! }
  }

  #fail(what: string): never {
    throw new XmlError(what, this.#place())
  }

  #refuse(what: string): never {
    throw new XmlBeyondBounds(what, this.#place())
  }

  #place(): XmlPlace {
    return { line: this.#parser.line, column: this.#parser.column + 1 }
  }

  /** The name has been read, so the last `<` is that of this tag. */
  #starts(): void {
    if (this.#open.length >= this.#bounds.depthMax) this.#refuse(`more than ${this.#bounds.depthMax} elements deep`)
    this.#start = this.#text.lastIndexOf('<', this.#parser.position - 1)
    this.#attributes = []
  }

  /** The closing quote was the last character read, and no such quote stands inside. */
  #attribute({ name, value }: { name: string; value: string }): void {
    const valueEnd = this.#parser.position - 1
    const valueStart = this.#text.lastIndexOf(this.#text[valueEnd]!, valueEnd - 1) + 1
    this.#attributes.push({ namespace: '', name, value, valueStart, valueEnd })
  }

  #opens({ uri, local, prefix, isSelfClosing, attributes }: SaxesTagNS): void {
    const past = this.#parser.position
    const element: Open = {
      namespace: uri,
      name: local,
      prefix,
      attributes: this.#attributes.map(attribute => resolved(attribute, attributes)),
      children: [],
      text: '',
      isEmptyTag: isSelfClosing,
      start: this.#start,
      contentStart: past,
      contentEnd: past,
      end: past,
    }
    this.#open.at(-1)?.children.push(element)
    this.#root ??= element
    this.#open.push(element)
  }

  #closes(): void {
    const element = this.#open.pop()!
    if (element.isEmptyTag) return
    element.end = this.#parser.position
    element.contentEnd = this.#text.lastIndexOf('<', element.end - 1)
  }

  #characters(text: string): void {
    const inside = this.#open.at(-1)
    if (inside) inside.text += text
  }
}

function resolved(attribute: XmlAttribute, all: Record<string, SaxesAttributeNS>): XmlAttribute {
  const { uri, local } = all[attribute.name]!
  return { ...attribute, namespace: uri, name: local }
}

/** A byte order mark stays where it is, so that offsets and what is written again agree with what came. */
function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new XmlNotUtf8('not UTF-8')
  }
}

/** As an attribute value between double quotes, or as text. */
export const xmlEscaped = (text: string): string =>
  text.replace(/[&<>"\t\n\r]/g, character => ESCAPES[character] ?? `&#${character.charCodeAt(0)};`)

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
