import t from 'tap'
import { plot } from './plot.ts'

const shown = (values: readonly (number | undefined)[], more?: readonly (number | undefined)[]): string =>
  plot({
    title: 'Messages',
    labels: values.map((_, index) => `at ${index}`),
    series: [{ name: 'kept', values }, ...(more ? [{ name: 'handed over', values: more }] : [])] as never,
    format: value => `${value}`,
    tableTitle: 'Table',
  }).text

const lineOf = (html: string, name: 'a' | 'b'): string | undefined =>
  new RegExp(`<path class="${name}" d="(M[^"]*|)"/>\n?<?`).exec(html.slice(html.indexOf('viewBox="0 0 1000')))?.[1]

t.test('a line with a gap where nothing is known, and a dot for what is known between gaps', async t => {
  t.equal(lineOf(shown([0, 10, undefined, 5, undefined]), 'a'), 'M100.0 100.0L300.0 0.0M700.0 50.0h0')
  t.equal(lineOf(shown([undefined, undefined]), 'a'), '')
  t.equal(lineOf(shown([4], [2]), 'b'), 'M500.0 60.0h0')
})

t.test('the scale ends at 1, 2 or 5 times a power of ten, and is never empty', async t => {
  const top = (value: number) => /<div class="y" aria-hidden="true"><span>([^<]+)/.exec(shown([value]))![1]
  t.same([0, 0.3, 1, 1.1, 2, 3, 6, 10, 11, 499, 501].map(top), [
    '1',
    '1',
    '1',
    '2',
    '2',
    '5',
    '10',
    '10',
    '20',
    '500',
    '1000',
  ])
})

t.test('the same stands in a table, and where the pointer is; names are text', async t => {
  const html = plot({
    title: '<b>',
    labels: ['"now"'],
    series: [{ name: '<i>', values: [undefined] }],
    format: String,
    tableTitle: 'Table',
  }).text
  t.match(html, '<th scope="row">&quot;now&quot;</th><td class="number" data-title="&lt;i&gt;">–</td>')
  t.match(html, 'data-tip="&quot;now&quot;: – &lt;i&gt;"')
  t.notMatch(html, /<b>|<i>/)
})
