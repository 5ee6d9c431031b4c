import t from 'tap'
import { OutsideStore } from './outside-store.ts'

t.test('whoever reads a long list page by page leaves everybody else a turn between two pages', async t => {
  const store = new OutsideStore({ submit: (_request, done) => done({ value: [] }) })
  let turns = 0
  const turn = (): void => {
    turns++
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  for (let page = 0; page < 100; page++) await store.ask('mailbox', { aor: 'sip:a@b', afterSeq: page, limit: 1 })
  clearImmediate(next)
  t.ok(turns >= 99, `${turns}`)
})
