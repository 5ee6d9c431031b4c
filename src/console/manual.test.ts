import { readFileSync } from 'node:fs'
import t from 'tap'
import { CATALOGUE } from './catalogue.ts'
import type { Command } from './command.ts'

const manual = readFileSync(new URL('../../docs/manual.md', import.meta.url), 'utf8')

const WHO: Readonly<Record<Command['tier'], (command: Command) => string>> = {
  user: ({ role }) => role,
  enabled: () => '`enable`',
  configure: () => '`configure`',
}

const row = (command: Command): string =>
  `| \`${command.syntax.replaceAll('|', '\\|')}\` | ${command.help} | ${WHO[command.tier](command)} | ${command.isReduced ? 'yes' : ''} |`

t.test('the table of commands in the manual is that of the console', async t => {
  const table = ['| Command | | For | Without the service |', '|---|---|---|---|', ...CATALOGUE.map(row)].join('\n')
  const [, written] = /(\| Command \| \| For \|.*\n(?:\|.*\n)+)/.exec(manual) ?? []
  t.equal(written?.trimEnd(), table)
})

t.test('each word that may be typed has its help, short enough for a line', async t => {
  for (const { syntax, elements, params, help } of CATALOGUE) {
    t.ok(help.length > 0 && help.length <= 56, `${syntax}: ${help}`)
    for (const { name, keyword } of elements)
      for (const word of [name, ...(keyword === undefined ? [] : [keyword])])
        t.ok(params[word]?.help, `${syntax}: ${word} says what it is`)
  }
})
