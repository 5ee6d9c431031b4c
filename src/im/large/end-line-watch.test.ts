import t from 'tap'
import { EndLineWatch } from './end-line-watch.ts'

const isSafe = (...pieces: readonly (readonly [number, string])[]): boolean => {
  const watch = new EndLineWatch('abcd')
  for (const [offset, text] of pieces) watch.see(offset, Buffer.from(text))
  return watch.isSafe
}

t.test('DM-PSH-06, RFC 4975 7.1: an end-line inside the content is found wherever it is cut', async t => {
  const text = 'before -------abcd after'
  t.notOk(isSafe([0, text]))
  for (let cut = 0; cut <= text.length; cut++) {
    t.notOk(isSafe([0, text.slice(0, cut)], [cut, text.slice(cut)]), `cut at ${cut}`)
    for (let second = cut; second <= text.length; second++) {
      const pieces = [text.slice(0, cut), text.slice(cut, second), text.slice(second)]
      t.notOk(isSafe([0, pieces[0]!], [cut, pieces[1]!], [second, pieces[2]!]), `cut at ${cut} and ${second}`)
    }
  }
  t.notOk(isSafe(...[...text].map((letter, at) => [at, letter] as const)), 'octet by octet')
})

t.test('content without it is safe, and content that did not come in order is not known to be', async t => {
  t.ok(isSafe([0, 'a'.repeat(100)], [100, '-------abc'], [110, 'e']))
  t.ok(isSafe())
  t.notOk(isSafe([10, 'x'], [0, '0123456789']))
  t.notOk(isSafe([0, 'abc'], [2, 'c']))
})
