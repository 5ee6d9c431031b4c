import { type CheckedBackup, type ChoiceView, CONFIGURATION_CHOICES, type RestoreEnd } from '../../services/backup.ts'
import { button, type FormErrors, field, form, select } from './form.ts'
import { number, time } from './format.ts'
import { foreign, type Html, type HtmlValue, html } from './html.ts'
import { card, table } from './table.ts'
import type { Visit } from './visit.ts'

/** How the last restore ended. */
export function lastRestore(visit: Visit, last: RestoreEnd | undefined): Html | false {
  const { backups: words } = visit.strings
  if (!last) return false
  return last.isDone
    ? html`<p class="banner note" role="status">${words.restored(last.kept ?? '')}</p>`
    : html`<p class="banner alarm" role="alert">${words.notRestored(last.reason)}</p>`
}

/** What is in an uploaded backup, what would be lost, and the step that is taken only by typing a name. */
export function checkedCard(visit: Visit, checked: CheckedBackup, errors: FormErrors): Html {
  const { backups: words } = visit.strings
  const { hostname } = checked.contents
  const choices = CONFIGURATION_CHOICES.map(value => ({ value, label: words.choices[value] }))
  const fields = html`<input type="hidden" name="id" value="${checked.id}">${select({ name: 'configuration', label: words.configuration, value: fitting(checked), choices, hint: words.dataDir, ...wrong(errors, 'configuration') })}${field({ name: 'typed', label: words.type(hostname), isRequired: true, autocomplete: 'off', ...wrong(errors, 'typed') })}${button(words.restoreIt, { kind: 'danger' })}`
  return card(
    words.found,
    html`${comparison(visit, checked)}${troubles(visit, checked)}<p class="banner warning">${words.lostText(number(visit, checked.here.waiting))}</p><p>${words.againText}</p><p>${words.passwords}</p>${form(visit, '/backup/restore', fields)}${form(visit, '/backup/forget', button(words.drop, { kind: 'plain' }))}`,
  )
}

const wrong = (errors: FormErrors, name: string): { error?: string } => {
  const error = errors[name]
  return error === undefined ? {} : { error }
}

const isFit = ({ errors, missing }: ChoiceView): boolean => errors.length + missing.length === 0

/** The first that this machine can serve with. */
const fitting = ({ choices }: CheckedBackup): string =>
  CONFIGURATION_CHOICES.find(each => isFit(choices[each])) ?? 'here'

interface Row {
  readonly name: string
  readonly backup: HtmlValue
  readonly here: HtmlValue
}

function comparison(visit: Visit, { createdAt, version, contents, here }: CheckedBackup): Html {
  const { backups: words } = visit.strings
  const oldest = (at: number | undefined): HtmlValue => (at === undefined ? words.noOldest : time(visit, at))
  const rows: Row[] = [
    { name: words.made, backup: time(visit, createdAt), here: '' },
    { name: words.madeBy, backup: foreign(version), here: '' },
    { name: words.box, backup: foreign(contents.hostname), here: foreign(here.hostname) },
    { name: words.domain, backup: foreign(contents.domain), here: foreign(here.domain) },
    { name: words.accounts, backup: number(visit, contents.accounts), here: number(visit, here.accounts) },
    { name: words.waiting, backup: number(visit, contents.waiting), here: number(visit, here.waiting) },
    { name: words.oldest, backup: oldest(contents.oldestAt), here: oldest(here.oldestAt) },
    { name: words.damaged, backup: number(visit, contents.damaged), here: number(visit, here.damaged) },
  ]
  return table(
    words.found,
    [
      { title: words.what, cell: ({ name }) => name },
      { title: words.inBackup, cell: ({ backup }) => backup },
      { title: words.onThisBox, cell: row => row.here },
    ],
    rows,
    words.nothing,
  )
}

/** What of the configurations does not fit this machine, and what changing to them means. */
function troubles(visit: Visit, { choices }: CheckedBackup): Html {
  const { backups: words, changes } = visit.strings
  const each = CONFIGURATION_CHOICES.map(choice => {
    const { hostname, domain, missing, errors, warnings } = choices[choice]
    const texts = [
      words.as(hostname, domain),
      ...(missing.length > 0 ? [words.missing(missing.join(', '))] : []),
      ...(errors.length > 0 ? [words.unfit(errors.join(' '))] : []),
      ...warnings.map(warning => changes.warnings[warning]),
    ]
    return html`<dt>${words.choices[choice]}</dt>${texts.map(text => html`<dd>${foreign(text, 2000)}</dd>`)}`
  })
  return html`<h3>${words.configuration}</h3><dl>${each}</dl>`
}
