/**
 * Markup that is known to be whole: whatever else stands in a template is escaped. Libraries for this return plain text, where nobody can
 * tell what was escaped already; here the type does.
 */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

/** Nothing is shown of `undefined` and `false`; of a list its elements, one behind the other. */
export type HtmlValue = Html | string | number | undefined | false | readonly HtmlValue[]

/** `html\`<p>${text}</p>\``: text is escaped for content and for quoted attribute values; attributes have to be quoted. */
export function html(literals: TemplateStringsArray, ...values: HtmlValue[]): Html {
  let text = literals[0]!
  for (const [index, value] of values.entries()) text += textOf(value) + literals[index + 1]!
  return new Html(text)
}

export const NOTHING = new Html('')

/** A boolean attribute, e.g. `checked`: there or not. */
export const attribute = (name: string, isThere: boolean): Html => (isThere ? new Html(` ${name}`) : NOTHING)

const textOf = (value: HtmlValue): string => {
  if (value instanceof Html) return value.text
  if (value === undefined || value === false) return ''
  if (typeof value === 'object') return value.map(textOf).join('')
  return escaped(String(value))
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, character => ESCAPES[character]!)

/** Text of strangers as it may stand anywhere: control characters, and those that turn the direction of writing, are shown as `�`. */
export const inert = (text: string, lengthMax = 200): string => {
  const shown = text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
  return shown.length > lengthMax ? `${shown.slice(0, lengthMax)}…` : shown
}

/** Text of strangers: set apart, so that its direction of writing changes nothing around it. */
export const foreign = (text: string, lengthMax = 200): Html => html`<bdi>${inert(text, lengthMax)}</bdi>`
