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
