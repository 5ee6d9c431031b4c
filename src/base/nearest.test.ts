import t from 'tap'
import { nearest } from './nearest.ts'

t.test('the name that was probably meant', async t => {
  const names = ['password-stdin', 'json', 'config', 'algorithms']
  t.equal(nearest('jsno', names), 'json')
  t.equal(nearest('Config', names), 'config')
  t.equal(nearest('password', names), 'password-stdin')
  t.equal(nearest('passwrd', names), 'password-stdin')
  t.equal(nearest('x', names), undefined)
  t.equal(nearest('algoritm', names), 'algorithms')
  t.equal(nearest('verbose', names), undefined)
  t.equal(nearest('', names), undefined)
  t.equal(nearest('x', []), undefined)
  t.equal(nearest('j'.repeat(1e6), names), undefined)
})
