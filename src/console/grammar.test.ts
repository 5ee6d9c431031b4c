import t from 'tap'
import { CATALOGUE } from './catalogue.ts'
import { commandsOf } from './command.ts'
import { parse } from './grammar.ts'
import { wordsOf } from './words.ts'

const table = commandsOf('user', [
  {
    syntax: 'show log [level LEVEL] [lines N] [follow]',
    help: '',
    params: { LEVEL: { help: '', values: ['info', 'warn'] }, N: { help: '', range: [1, 9] } },
    run: async () => {},
  },
  { syntax: 'show logins', help: '', run: async () => {} },
  { syntax: 'commit', help: '', run: async () => {} },
  { syntax: 'commit confirmed N', help: '', params: { N: { help: '', range: [1, 9] } }, run: async () => {} },
  { syntax: 'set KEY [VALUE...]', help: '', run: async () => {} },
  { syntax: 'find [AOR] [items N]', help: '', run: async () => {} },
])

const read = (text: string) => {
  const parsed = parse(table, wordsOf(text).words, text.length)
  if ('why' in parsed) return `${parsed.at}: ${parsed.why}`
  return [parsed.command.syntax, ...[...parsed.args].map(([name, value]) => `${name}=${value}`)].join('; ')
}

t.test('words may be abbreviated where one alone begins so; a whole word counts though others go on', async t => {
  t.equal(read('sh log'), 'show log [level LEVEL] [lines N] [follow]')
  t.equal(read('SHOW Logi'), 'show logins')
  t.equal(read('s'), '0: More than one word begins so')
  t.equal(read('co'), 'commit')
  t.equal(read('comm conf 5'), 'commit confirmed N; N=5')
  t.equal(read('commit now'), '7: There is no such word here')
  t.equal(read('"show" log'), '0: There is no such word here', 'in quotes it is no keyword')
})

t.test('options come in any order, once each; values are checked', async t => {
  t.equal(read('show log f li 5 le w'), 'show log [level LEVEL] [lines N] [follow]; follow=yes; N=5; LEVEL=warn')
  t.equal(read('show log l'), '9: More than one word begins so')
  t.equal(read('show log lines'), '14: More is needed')
  t.equal(read('show log lines 10'), '15: A whole number from 1 to 9 is wanted here')
  t.equal(read('show log level loud'), '15: Not one of what is allowed')
  t.equal(read('show log follow follow'), '16: Nothing of this kind may stand here')
  t.equal(read('find items 5'), 'find [AOR] [items N]; N=5')
  t.equal(read('find it'), 'find [AOR] [items N]; AOR=it', 'where anything may stand, only the whole word is one')
})

t.test('the rest of a line, quotes, and what is missing', async t => {
  t.equal(read('set a  b   c'), 'set KEY [VALUE...]; KEY=a; VALUE=b c')
  t.equal(read('set a "b  c \\" \\\\"'), 'set KEY [VALUE...]; KEY=a; VALUE=b  c " \\')
  t.equal(read('set a ""'), 'set KEY [VALUE...]; KEY=a; VALUE=')
  t.equal(read('set'), '3: More is needed')
  t.equal(read(''), '0: More is needed')
  t.same(wordsOf('a "b').openAt, 2)
})

t.test('no command of the console stands twice, nor in the way of another', async t => {
  for (const tier of ['user', 'configure'] as const) {
    const own = CATALOGUE.filter(command => (command.tier === 'configure') === (tier === 'configure'))
    const names = own.map(({ words }) => words.join(' '))
    t.equal(new Set(names).size, names.length)
    for (const { words, syntax } of own) {
      const text = words.join(' ')
      const parsed = parse(own, wordsOf(`${text} `).words, text.length)
      t.ok('why' in parsed ? parsed.why === 'More is needed' : parsed.command.syntax === syntax, syntax)
    }
  }
})
