import t from 'tap'
import { printable, quoted } from './quoted.ts'

t.test('nothing that moves the cursor or turns the line reaches a terminal', async t => {
  t.equal(quoted('a"b'), '"a\\"b"')
  t.equal(quoted('\x1b[2J\x9b\u202e'), '"\\u001b[2J\\u009b\\u202e"')
  t.equal(printable('é\x7f'), 'é\\u007f')
  t.equal(quoted('x'.repeat(100)), `"${'x'.repeat(60)}..."`)
})
