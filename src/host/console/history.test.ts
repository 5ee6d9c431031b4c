import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { messageKept } from '../../testing/history-items.ts'
import { ALICE_AOR, accountPut, BOB_AOR } from '../../testing/store-fixtures.ts'
import { Technician } from './technician.fixture.ts'

async function withHistory(t: Test, items: number): Promise<Technician> {
  const seat = await Technician.come(t)
  await seat.setUp()
  const { model } = seat.host
  for (const aor of [ALICE_AOR, BOB_AOR]) model.execute(accountPut(aor))
  for (let number = 1; number <= items; number++) model.execute(messageKept(number))
  // Work that takes long is looked at by the clock.
  const passing = setInterval(() => seat.clock.pass(500), 5)
  t.teardown(() => clearInterval(passing))
  return seat
}

t.test('one item of a history: its heads, and what was said only where that is asked for', async t => {
  const seat = await withHistory(t, 2)
  const list = await seat.run('show history bob')
  const id = /^(h\w+-\w+) .* message +sip:alice@example\.org/m.exec(list)![1]!
  const shown = await seat.run(`show history bob ${id}`)
  t.match(
    shown,
    /Kind +message, whole[\s\S]*Subject +subject 2[\s\S]*--- request ---\n {2}MESSAGE sip:bob@example\.org SIP\/2\.0\n/,
  )
  t.notMatch(shown, 'message 2')
  t.match(await seat.run(`show history bob ${id} bodies`), /--- \S+ sip:alice@example\.org ---\n {2}message 2$/)
  const json = JSON.parse(await seat.run(`show history bob ${id} --json`))
  t.equal(json.reference, `sip:${id}@edge1.example.org`)
  t.equal(json.said, undefined)
  t.equal(JSON.parse(await seat.run(`show history bob ${json.reference} bodies --json`)).said[0].text, 'message 2')
  t.equal(JSON.parse(await seat.run('show history bob --json')).items.length, 2)
  t.match(await seat.run('show history bob h1-1'), '% There is no such item.')
  t.match(await seat.run('show history nobody h1-1'), '% There is no account')
})

t.test('a history into a file of mails, which is not there yet and is for its owner alone', async t => {
  const seat = await withHistory(t, 2)
  const file = join(t.testdir({}), 'bob.mbox')
  t.match(await seat.run(`history export bob ${file}`), /Written: [\s\S]*not locked/)
  const text = readFileSync(file, 'latin1')
  t.equal(text.split(/^From /m).length, 3)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.match(await seat.run(`history export bob ${file}`), /is\s+there\s+already/)
  t.match(await seat.run('history export bob bob.mbox'), '% bob.mbox is no whole path')
  t.match(await seat.run(`history export nobody ${file}2`), '% There is no account')
  seat.host.model.execute(accountPut('sip:carol@example.org'))
  t.match(await seat.run(`history export carol ${file}2`), '% sip:carol@example.org has no history.')
  t.match(await seat.run('show jobs'), 'No long work.', 'what was made is in the file')
})

t.test('a history is erased after a question: an item, what is older, all of it', async t => {
  const seat = await withHistory(t, 4)
  const first = async (): Promise<string> => JSON.parse(await seat.run('show history bob --json')).items[0]?.reference
  const reference = await first()
  t.match(await seat.answer(`history erase bob ${reference}`, [['[y/n] ', 'n']]), 'Nothing was done.')
  t.match(await seat.answer(`history erase bob ${reference}`, [['[y/n] ', 'y']]), '1 item erased.')
  t.match(await seat.run(`history erase bob ${reference}`), '% There is no such item.')
  t.match(
    await seat.answer('history erase bob before yesterday', [['[y/n] ', 'y']]),
    '% before: "yesterday" is no time.',
  )
  t.match(await seat.answer('history erase bob before 2001-01-01', [['[y/n] ', 'y']]), '0 items erased.')
  t.match(await seat.answer('history erase bob', [['[y/n] ', 'n']]), /: 3 items, [\s\S]*Nothing was done\./)
  t.match(await seat.answer('history erase bob', [['[y/n] ', 'y']]), '3 items erased.')
  t.equal(await first(), undefined)
  t.match(seat.said, '"command":"history erase bob"')
  t.notMatch(seat.said, 'message 2')
})
