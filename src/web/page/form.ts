import { attribute, type Html, html } from './html.ts'
import type { Visit } from './visit.ts'

/** What is wrong with a form, by the name of its field, in words for a person. */
export type FormErrors = Readonly<Record<string, string>>

interface FieldOptions {
  readonly name: string
  readonly label: string
  readonly value?: string | number
  readonly hint?: string
  readonly error?: string | undefined
  readonly type?: 'text' | 'password' | 'number' | 'email' | 'search' | 'date' | 'datetime-local' | 'file'
  readonly isRequired?: boolean
  readonly autocomplete?: string
  readonly inputmode?: string
  readonly min?: number
  readonly max?: number
  readonly maxLength?: number
  /** Shown behind the field, e.g. `s`. */
  readonly unit?: string
  readonly isMonospaced?: boolean
}

const idOf = (name: string): string => `f-${name.replace(/[^\w-]/g, '-')}`

const described = (id: string, hint: string | undefined, error: string | undefined): Html | false => {
  const ids = [hint !== undefined && `${id}-hint`, error !== undefined && `${id}-error`].filter(Boolean).join(' ')
  return ids !== '' && html` aria-describedby="${ids}"`
}

const around = (options: Pick<FieldOptions, 'name' | 'hint' | 'error'>, label: Html, control: Html): Html => {
  const id = idOf(options.name)
  const { hint, error } = options
  return html`<div class="field${error !== undefined && ' wrong'}">${label}
${hint !== undefined && html`<p class="hint" id="${id}-hint">${hint}</p>`}
${error !== undefined && html`<p class="error" id="${id}-error">${error}</p>`}
${control}</div>`
}

/** One line of text, a number, a password, a file. */
export function field(options: FieldOptions): Html {
  const { name, label, value, type = 'text', unit, hint, error } = options
  const id = idOf(name)
  const numbers = (['min', 'max'] as const).map(key => options[key] !== undefined && html` ${key}="${options[key]}"`)
  const texts = [
    options.autocomplete !== undefined && html` autocomplete="${options.autocomplete}"`,
    options.inputmode !== undefined && html` inputmode="${options.inputmode}"`,
    options.maxLength !== undefined && html` maxlength="${options.maxLength}"`,
  ]
  const control = html`<span class="control"><input id="${id}" name="${name}" type="${type}"${value !== undefined && html` value="${value}"`}${numbers}${texts}${attribute('required', options.isRequired === true)}${error !== undefined && html` aria-invalid="true"`}${described(id, hint, error)}${options.isMonospaced === true && html` class="mono"`}>${unit !== undefined && html`<span class="unit">${unit}</span>`}</span>`
  return around(options, html`<label for="${id}">${label}</label>`, control)
}

export function area(options: Omit<FieldOptions, 'type' | 'unit'> & { readonly rows?: number }): Html {
  const { name, label, value, rows = 4, hint, error } = options
  const id = idOf(name)
  return around(
    options,
    html`<label for="${id}">${label}</label>`,
    html`<textarea id="${id}" name="${name}" rows="${rows}" spellcheck="false"${error !== undefined && html` aria-invalid="true"`}${described(id, hint, error)}>
${value ?? ''}</textarea>`,
  )
}

interface Choice {
  readonly value: string
  readonly label: string
}

export function select(
  options: Pick<FieldOptions, 'name' | 'label' | 'hint' | 'error'> & {
    readonly value: string
    readonly choices: readonly Choice[]
  },
): Html {
  const { name, label, value, choices, hint, error } = options
  const id = idOf(name)
  return around(
    options,
    html`<label for="${id}">${label}</label>`,
    html`<select id="${id}" name="${name}"${error !== undefined && html` aria-invalid="true"`}${described(id, hint, error)}>${choices.map(
      choice =>
        html`<option value="${choice.value}"${attribute('selected', choice.value === value)}>${choice.label}</option>`,
    )}</select>`,
  )
}

/** On or off. A hidden field before it says `off` where the box is not ticked. */
export function checkbox(
  options: Pick<FieldOptions, 'name' | 'label' | 'hint' | 'error'> & { readonly isOn: boolean },
): Html {
  const { name, label, isOn, hint, error } = options
  const id = idOf(name)
  return html`<div class="field check${error !== undefined && ' wrong'}"><input type="hidden" name="${name}" value="off"><input id="${id}" name="${name}" type="checkbox" value="on"${attribute('checked', isOn)}${described(id, hint, error)}> <label for="${id}">${label}</label>
${hint !== undefined && html`<p class="hint" id="${id}-hint">${hint}</p>`}${error !== undefined && html`<p class="error" id="${id}-error">${error}</p>`}</div>`
}

/** A form that changes something: POST, with the token of the session. */
export const form = (
  visit: Visit,
  action: string,
  content: Html,
  options: { readonly isMultipart?: boolean; readonly className?: string } = {},
): Html =>
  html`<form method="post" action="${action}"${options.isMultipart === true && html` enctype="multipart/form-data"`}${options.className !== undefined && html` class="${options.className}"`}><input type="hidden" name="csrf" value="${visit.csrf}">
${content}</form>`

export const button = (
  label: string,
  options: { readonly name?: string; readonly value?: string; readonly kind?: 'main' | 'plain' | 'danger' } = {},
): Html =>
  html`<button class="${options.kind ?? 'main'}"${options.name !== undefined && html` name="${options.name}" value="${options.value ?? ''}"`}>${label}</button>`

/** All that is wrong, at the top, each a link to its field; takes the focus. */
export function errorSummary(visit: Visit, errors: FormErrors): Html | false {
  const entries = Object.entries(errors)
  return (
    entries.length > 0 &&
    html`<div class="summary" role="alert" tabindex="-1" data-focus><h2>${visit.strings.shell.errorSummary}</h2><ul>${entries.map(
      ([name, text]) => html`<li><a href="#${idOf(name)}">${text}</a></li>`,
    )}</ul></div>`
  )
}
