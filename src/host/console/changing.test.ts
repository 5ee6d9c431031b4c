import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { shortFolder } from '../../testing/short-folder.ts'
import { openStore } from '../open-store.ts'
import { OWN_PASSWORD, Technician } from './technician.fixture.ts'

async function until(isThere: () => boolean): Promise<void> {
  while (!isThere()) await new Promise(setImmediate)
}

t.test('a candidate: set, shown, compared, checked, committed; nothing counts before', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  const before = seat.fileText
  await seat.run('configure')
  t.equal(seat.screen.last, 'edge1(config)# ')
  await seat.run('set deferral.quota_messages 500')
  await seat.run('set auth.trusted_peers 192.0.2.10/32,192.0.2.11/32')
  await seat.run('set delivery.active_default off')
  t.match(await seat.run('show deferral.quota_messages'), '* deferral.quota_messages = 500')
  t.match(await seat.run('show xdms'), /\n {2}xdms\.password = \(hidden\)/)
  t.match(await seat.run('diff'), /- deferral\.quota_messages = 1000\n\+ deferral\.quota_messages = 500/)
  t.match(await seat.run('no xdms.user'), '% xdms.user: ')
  t.match(await seat.run('diff'), /\+ xdms\.user = \(none\)\n% xdms\.user: /)
  t.match(await seat.run('set deferral.quota_messages many'), '% deferral.quota_messages is a whole number')
  t.match(await seat.run('set delivery.active_default maybe'), '% delivery.active_default is true or false.')
  t.match(await seat.run('set nothing 1'), '% There is no key nothing.')
  t.match(await seat.run('set data_dir /tmp'), '% data_dir is changed in the file alone')
  t.match(await seat.run('set hostname'), '% A value is wanted')
  t.equal(seat.fileText, before)
  t.match(await seat.run('exit'), 'The candidate is not in use, and stays')
  await seat.run('configure')
  await seat.run('set xdms.user edge1')
  t.match(await seat.run('check'), 'It can be served.')
  t.match(await seat.run('commit'), 'The box starts to serve with it now.')
  t.match(seat.fileText, /quota_messages = 500/)
  t.match(seat.fileText, /trusted_peers = \[ ?"192\.0\.2\.10\/32", ?"192\.0\.2\.11\/32" ?\]/)
  t.match(await seat.run('diff'), 'No differences.')
  await seat.trial.pass(1000)
  await seat.run('exit')
  t.match(await seat.run('show config deferral.quota_messages'), /deferral\.quota_messages +500\n?$/)
  t.match(await seat.run('show config nothing'), '% There is no key nothing.')
})

t.test('what is wrong with a candidate is told, and it cannot be committed', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  await seat.run('configure')
  t.equal(await seat.run('set console.baud 9600'), '', 'a number of a list')
  t.match(await seat.run('set listen.sip_udp nowhere'), /% listen\.sip_udp: /)
  t.match(await seat.run('commit'), /% listen\.sip_udp: /)
  await seat.run('no xdms.user')
  t.match(await seat.run('check'), /^% listen\.sip_udp: [^%]*\n% xdms\.user: [^%]*$/, 'each error in a line of its own')
  t.match(await seat.run('discard'), 'Dropped.')
  t.match(await seat.run('commit'), 'All of that stands already.')
  await seat.run('set auth.digest false')
  const asked = await seat.answer('commit', [['[y/n] ', 'n']])
  t.match(asked, /Warning: Anybody is who they say\.[\s\S]*Nothing was done\./)
  await seat.run('exit')
  t.match(await seat.run('configure'), 'There is a candidate of yours from before')
})

t.test('commit confirmed goes back unless somebody confirms, also by rollback', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  t.match(await seat.run('confirm'), '% Nothing is on trial.')
  t.match(await seat.run('rollback'), '% Nothing is on trial')
  await seat.run('configure')
  t.match(await seat.run('commit confirmed 5'), '% A whole number from 30 to 3600')
  await seat.run('set history.enabled false')
  t.match(await seat.run('commit confirmed 60'), 'in 60 s it goes back. "confirm" keeps it.')
  t.match(await seat.run('confirm'), '% The box does not serve with it yet.')
  await seat.trial.pass(1000)
  await seat.run('exit')
  t.match(await seat.run('show config'), /On trial +by admin, \d+ s left: confirm/)
  while ((await seat.run('confirm')).includes('not serve')) await seat.settled()
  t.notMatch(await seat.run('show config'), 'On trial')
  t.match(seat.fileText, 'enabled = false')
  await seat.run('configure')
  await seat.run('set deferral.enabled false')
  await seat.run('commit confirmed 60')
  await seat.run('set mwi.headers off')
  t.match(await seat.run('commit'), '% Another change is on trial')
  await seat.trial.pass(1000)
  while ((await seat.run('rollback')).includes('%')) await seat.settled()
  t.match(seat.screen.text, 'The box goes back to what was before.')
})

t.test('a change on trial that goes back by itself is told at the console that put it on trial', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  await seat.run('configure')
  await seat.run('set history.enabled false')
  await seat.run('commit confirmed 30')
  await seat.trial.pass(1000)
  t.notMatch(await seat.run('diff'), 'went back')
  await seat.trial.pass(30_000)
  t.match(await seat.run('diff'), /\*\*\* The configuration went back: \S/)
  t.notMatch(await seat.run('diff'), 'went back', 'once')
})

t.test('a command of the other mode says what leads there', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  for (const typed of ['set hostname edge2', 'no hostname', 'commit', 'diff'])
    t.equal(await seat.run(typed), '% This takes "configure" first.', typed)
  t.match(await seat.run('show nothing'), /\^\n% /)
  await seat.run('configure')
  for (const typed of ['show status', 'show log', 'sh resets', 'trace x', 'user add carol', 'reload'])
    t.equal(await seat.run(typed), '% This takes "exit" first.', typed)
  t.match(await seat.run('show history'), 'history.enabled = ', 'a table of the configuration')
  t.match(await seat.run('show nothing'), '% There is no key nothing.')
  await seat.run('exit')
  await seat.run('disable')
  t.equal(await seat.run('set hostname edge2'), '% This takes "enable", then "configure", first.')
})

t.test(
  'a password of the configuration is asked for, and stands nowhere: not in sight, not in what can be recalled, not in the log',
  async t => {
    const seat = await Technician.come(t)
    await seat.setUp()
    await seat.run('configure')
    await seat.answer('set xdms.password', [['xdms.password: ', 'canary-new']])
    t.match(await seat.run('show xdms'), '* xdms.password = (hidden)')
    t.match(await seat.run('diff'), '~ xdms.password = (hidden)')
    await seat.run('commit')
    t.match(seat.fileText, 'canary-new')
    t.notMatch(seat.said + seat.written, 'canary')
    t.match(await seat.run('set xdms.password visible-secret'), '% A password is not typed in sight')
    t.match(await seat.run('show tls'), 'tls.certificate')
    seat.press('\x1b[A\x1b[A')
    await seat.settled()
    t.notMatch(seat.screen.last, 'visible-secret')
    t.notMatch(seat.said, 'visible-secret')
  },
)

t.test('a backup into a file, and a restore that is looked at and not done', async t => {
  const seat = await Technician.come(t, { openStore })
  await seat.setUp()
  const file = join(shortFolder(t), 'box.age')
  const passphrase = 'canary of backups'
  const asked = [
    ['at least: ', passphrase],
    ['Once more: ', passphrase],
  ] as const
  const passing = setInterval(() => seat.clock.pass(500), 5)
  t.teardown(() => clearInterval(passing))
  t.match(
    await seat.answer(`backup ${file}`, asked),
    /Written:\s+\/\S+box\.age, [\s\S]*Without the passphrase nobody can read it\./,
  )
  t.match(readFileSync(file).subarray(0, 20).toString('latin1'), 'age-encryption.org')
  t.match(await seat.run(`backup ${file}`), 'is there already', 'before the passphrase')
  t.match(await seat.run('backup box.age'), '% box.age is no whole path')
  t.match(
    await seat.answer(`backup ${file}2`, [
      ['at least: ', 'a'],
      ['Once more: ', 'b'],
    ]),
    '% These were two different ones.',
  )
  t.match(
    await seat.answer(`backup ${file}2`, [
      ['at least: ', 'a'],
      ['Once more: ', 'a'],
    ]),
    '% The passphrase has 10',
  )
  const looked = await seat.answer(`restore ${file}`, [
    ['of the backup: ', passphrase],
    ['here] ', ''],
  ])
  t.match(looked, /In the backup of [\s\S]*Box +edge1\.example\.org, domain example\.org[\s\S]*Nothing was done\./)
  const again = await seat.answer(`restore ${file}`, [
    ['of the backup: ', passphrase],
    ['here] ', 'all of it'],
    ['here] ', ''],
  ])
  t.match(again, /all of it\nWhich\?[^\n]*\nNothing was done\./, 'asked again')
  t.match(await seat.answer(`restore ${file}`, [['of the backup: ', 'another one']]), /% /)
  t.match(await seat.run('restore /nowhere'), '% /nowhere: ', 'before the passphrase')
  t.match(
    await seat.answer(`restore ${file}`, [
      ['of the backup: ', passphrase],
      ['here] ', 'here'],
      ['to go on: ', 'edge2'],
    ]),
    'Nothing was done.',
  )
  await seat.answer('user add late', [['made): ', '']])
  t.match(
    await seat.answer(`restore ${file}`, [
      ['of the backup: ', passphrase],
      ['here] ', 'here'],
      ['to go on: ', 'edge1.example.org'],
    ]),
    'The box stops, and starts as the backup has it.',
  )
  await until(() => seat.said.includes('restored'))
  // The administrators are those of the backup: everybody logs in anew.
  seat.press('show users\r')
  await seat.until('login: ')
  seat.press(`admin\r${OWN_PASSWORD}\r`)
  await seat.until('edge1> ')
  t.match(await seat.run('show users'), 'There are no accounts.')
  t.notMatch(seat.said + seat.written, 'canary')
})

t.test('what stops or empties the box asks first', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  t.match(await seat.answer('reload', [['service? [y/n] ', '']]), 'Nothing was done.')
  t.match(await seat.answer('reload machine', [['machine? [y/n] ', 'n']]), 'Nothing was done.')
  t.match(
    await seat.answer('factory-reset full', [['to go on: ', 'y']]),
    /configuration\s+STAYS[\s\S]*EVERYTHING\s+ELSE\s+GOES[\s\S]*Nothing was done\./,
  )
  t.match(await seat.answer('factory-reset config', [['to go on: ', '']]), 'Nothing was done.')
  t.match(await seat.run('factory-reset'), /% More is needed:\n {2}config +configuration and administrators go/)
  seat.press('factory-reset full\r')
  await seat.until('to go on: ')
  seat.press('\x03')
  await seat.until('edge1# ')
  t.match(seat.screen.text, /to go on: \^C\nedge1# $/, 'out of the question, nothing done')
  t.notOk(existsSync(join(seat.file, '..', 'data', 'factory-reset')))
})

t.test('the clock is set in UTC', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  t.match(await seat.run('clock set tomorrow'), '% A time in UTC is wanted')
  t.match(await seat.run('clock set 2001-01-01T00:00'), /% (No box can be in that time|The box may not set)/)
})

t.test('on the spot: the disk, SIP, MSRP, and SIP as it passes', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  t.match(await seat.run('test disk'), /ok {6}\S[\s\S]*All \d+ passed\./)
  t.match(await seat.run('test msrp 127.0.0.1:1'), /FAILED +\S[\s\S]*1 of 1 FAILED\./)
  seat.press('capture sip matching nothing at all\r')
  await seat.settled()
  t.match(seat.screen.text, 'any key ends')
  seat.press(' ')
  await seat.until('edge1# ')
  t.match(seat.screen.text, '--- 0 captured ---')
  seat.press('capture sip bodies count 5\r')
  await seat.settled()
  await seat.run('\x03')
  t.match(seat.screen.text, '\n^C\n')
  t.match(await seat.run('show clock'), 'Trusted', 'what was interrupted takes no key')
})

t.test('a machine that reads a restore from a stick: a file that is no backup', async t => {
  const seat = await Technician.come(t, { openStore })
  await seat.setUp()
  const file = join(shortFolder(t), 'holiday.jpg')
  writeFileSync(file, Buffer.alloc(5000, 7))
  const passing = setInterval(() => seat.clock.pass(500), 5)
  t.teardown(() => clearInterval(passing))
  t.match(await seat.answer(`restore ${file}`, [['of the backup: ', 'ten characters']]), /% /)
})
