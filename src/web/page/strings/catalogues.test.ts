import t from 'tap'
import { LANGUAGES } from './languages.ts'

type Entry = readonly [path: string, text: unknown]

function* entries(node: unknown, path = ''): Generator<Entry> {
  if (typeof node !== 'object' || node === null) return yield [path, node]
  for (const [key, inner] of Object.entries(node)) yield* entries(inner, path === '' ? key : `${path}.${key}`)
}

/** What a text says for arguments that can be told from it. */
const said = (text: unknown): string => {
  if (typeof text !== 'function') return String(text)
  const names = Array.from({ length: text.length }, (_, index) => `{${index}}`)
  return String(text(...names))
}

const { en, ...others } = LANGUAGES

t.test('every catalogue says everything, of the same things', async t => {
  const english = new Map(entries(en.strings))
  t.ok(english.size > 200)
  for (const [language, { strings }] of Object.entries(others)) {
    const all = new Map(entries(strings))
    t.same(
      [...english.keys()].filter(path => !all.has(path)),
      [],
      `${language} lacks nothing`,
    )
    t.same(
      [...all.keys()].filter(path => !english.has(path)),
      [],
      `${language} has nothing more`,
    )
    for (const [path, text] of english) {
      t.equal(typeof all.get(path), typeof text, `${language} ${path}`)
      const quoted = (from: unknown): string[] => [...new Set(said(from).match(/\{\d\}/g))].sort()
      if (typeof text === 'function') t.same(quoted(all.get(path)), quoted(text), `${language} ${path} quotes the same`)
    }
  }
})

t.test('no text is empty, has an end of line, or begins or ends with a blank', async t => {
  for (const [language, { strings }] of Object.entries(LANGUAGES))
    for (const [path, text] of entries(strings)) t.match(said(text), /^\S(?:[^\n]*\S)?$/, `${language} ${path}`)
})

t.test('sentences are translated', async t => {
  for (const [language, { strings }] of Object.entries(others)) {
    const english = new Map(entries(en.strings))
    const same = [...entries(strings)].filter(([path, text]) => {
      const words = said(text)
      return words === said(english.get(path)) && /[a-z]+ [a-z]+ [a-z]+/.test(words)
    })
    t.same(
      same.map(([path]) => path),
      [],
      language,
    )
  }
})
