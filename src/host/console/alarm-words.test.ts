import t from 'tap'
import { CATALOGUE } from '../../console/catalogue.ts'
import { ALARM_IDS } from '../../services/status.ts'
import { alarmWords } from './alarm-words.ts'

t.test('alarms at the console lead to commands that there are, and to no part of the page', async t => {
  const commands = CATALOGUE.map(({ words }) => words.join(' '))
  for (const id of ALARM_IDS) {
    const { text, todo } = alarmWords({ id, level: 'alarm', count: 3, detail: 'x' })
    t.notMatch(text + todo, /this page|in the queue|Status says|Offline delivery/i, id)
    for (const [, named = ''] of todo.matchAll(/"([a-z][^"]*)"/g))
      t.ok(commands.includes(named.replace(/ (?:[A-Z]+|admin)$/, '')), `${id}: ${named}`)
  }
})
