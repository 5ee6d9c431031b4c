/** Writes restante.toml(5) out of the table of keys in docs/manual.md, so that there is one text; started by scripts/package. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const MANUAL = join(import.meta.dirname, '../../../docs/manual.md')
const HEADER = '| Key | Default | Meaning |'

const lines = readFileSync(MANUAL, 'utf8').split('\n')
const first = lines.indexOf(HEADER)
if (first < 0) throw new Error(`${MANUAL} has no table "${HEADER}"`)
const rows = lines.slice(first + 2, lines.indexOf('', first)).map(line =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map(cell => cell.trim()),
)

process.stdout.write(`.TH RESTANTE.TOML 5 "" "Restante" "File Formats"
.SH NAME
restante.toml \\- configuration of Restante
.SH DESCRIPTION
A file of TOML in UTF\\-8. Every key has a default but
.BR domain ;
unknown keys are errors.
.B restante check
tells everything that is wrong with a file. The config page changes the file too, and keeps what stands there beside the keys.
.SH KEYS
${rows.map(([key = '', usual = '', meaning = '']) => entry(key, usual, meaning)).join('')}.SH SEE ALSO
.BR restante (1),
.I /usr/share/doc/restante/manual.md.gz
`)

function entry(key: string, usual: string, meaning: string): string {
  const standard = usual === '' ? '' : ` Default: ${plain(usual)}.`
  return `.TP\n.B ${plain(key)}\n\\&${plain(meaning)}.${standard}\n`
}

/** Without the marks of Markdown and the places that its links lead to. */
function plain(text: string): string {
  return text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .replaceAll('\\|', '|')
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('’', '\\(cq')
}
