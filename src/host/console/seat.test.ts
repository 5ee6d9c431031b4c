import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../../base/log.ts'
import { SystemEntropy } from '../entropy.ts'
import { openStore } from '../open-store.ts'
import { ConsoleSeat } from './seat.ts'

t.test('what is wrong with a configuration moves no cursor, whatever stands in it', async t => {
  const dir = t.testdir({ data: {} })
  const text = `domain = "example.org"\ndata_dir = "${join(dir, 'data')}"\n"\\u009b2Jk\\u00e9y" = 1\n`
  const file = join(dir, 'restante.toml')
  writeFileSync(file, text)
  let shown = ''
  const { promise, resolve } = Promise.withResolvers<void>()
  const seat = new ConsoleSeat({
    ...{ file, openStore, entropy: new SystemEntropy(), log: silentLog, left: () => {} },
    line: { isPhysical: true, name: 'test', columns: 80, rows: 24 },
    write: piece => {
      shown += piece
      if (shown.includes('login: ')) resolve()
      return true
    },
  })
  t.teardown(() => seat.close())
  seat.start()
  await promise
  t.match(shown.replace(/\s+/g, ''), '"\\u009b2Jk\\u00e9y":unknownkey', 'wherever its lines are broken')
  t.match(shown, /^[\r\n\x20-\x7e]*$/)
})
