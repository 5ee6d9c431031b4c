import t from 'tap'
import { boxWith } from './box.fixture.ts'
import { Seat } from './screen.fixture.ts'

t.test(
  'the password of the first start stands before the login on the box’s own line alone, until there is another one',
  async t => {
    let password: string | undefined = 'abcd-efgh'
    const { box } = boxWith({ firstPassword: () => password })
    const seat = new Seat(box, { isPhysical: true })
    await seat.until('login: ')
    t.match(seat.screen.text, 'First start: log in as admin with abcd-efgh')
    const remote = new Seat(box, { isPhysical: false })
    await remote.until('login: ')
    t.notMatch(remote.screen.text, 'abcd-efgh')
    password = undefined
    const later = new Seat(box, { isPhysical: true })
    await later.until('login: ')
    t.notMatch(later.screen.text, 'First start')
  },
)

t.test('a password that cannot be the first of one’s own is asked for again; nobody is thrown out for it', async t => {
  const { box } = boxWith()
  const given: string[] = []
  const access = Object.assign(box.access, {
    isNew: true,
    hasPrintedPassword: true,
    changePassword: async (_name: string, password: string) => {
      given.push(password)
      return password.length < 10 ? 'password short' : undefined
    },
  })
  t.equal(box.access, access)
  const seat = new Seat(box, { isPhysical: false })
  await seat.until('login: ')
  seat.press('admin\r')
  await seat.until('Password: ')
  seat.press('right\r')
  for (const [first, second] of [
    ['one of my own', 'another one'],
    ['short', 'short'],
    ['long enough', 'long enough'],
  ]) {
    await seat.until('New password: ')
    seat.press(`${first}\r`)
    await seat.until('Once more: ')
    seat.press(`${second}\r`)
  }
  await seat.until('> ')
  t.match(seat.screen.text, '% These were two different ones')
  t.match(seat.screen.text, '% A password has at least 10 characters.')
  t.match(seat.screen.text, 'From now on the printed one opens nothing.')
  t.same(given, ['short', 'long enough'])
  t.same(seat.ends, [])
})
