import t from 'tap'
import { Slots } from './slots.ts'

t.test('a place is given out again once it is empty, never before', async t => {
  const slots = new Slots<{ name: string }>()
  const [first, second] = [slots.add({ name: 'first' }), slots.add({ name: 'second' })]
  t.not(first, second)
  t.match(slots.take(first), { name: 'first' })
  t.equal(slots.take(first), undefined, 'only once')
  t.equal(slots.size, 1)
  t.equal(slots.add({ name: 'third' }), first)
  t.match([...slots.values()], [{ name: 'third' }, { name: 'second' }])
  t.match(slots.get(second), { name: 'second' })
  t.equal(slots.get(7), undefined)
})
