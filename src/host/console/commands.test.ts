import t from 'tap'
import type { WallTime } from '../../base/time.ts'
import { ALICE_AOR, accountPut, BOB_AOR, custodyOf, STORED_AT } from '../../testing/store-fixtures.ts'
import { OWN_PASSWORD, Technician } from './technician.fixture.ts'

t.test('the first run at the console: the printed password is replaced, and setup finish closes it', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  t.match(seat.screen.text, 'This box is not set up yet.')
  t.match(seat.screen.text, '"setup finish"')
  t.match(await seat.run('setup finish'), 'Done.')
  t.match(await seat.run('setup finish'), '% The first run is over already.')
  await seat.answer('exit', []).catch(() => {})
  await seat.until('login: ')
  seat.press(`admin\r${OWN_PASSWORD}\r`)
  await seat.until('edge1> ')
  t.notMatch(seat.screen.text.split('login: ').at(-1)!, 'not set up')
  t.notMatch(seat.said, 'canary')
  t.notMatch(seat.written, 'canary')
})

t.test('users: added with a password that is typed or made, shown, changed, removed after a question', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  const secret = 'canary-of-carol'
  const typed = await seat.answer('user add carol', [
    ['made): ', secret],
    ['Once more: ', secret],
  ])
  t.match(typed, 'sip:carol@example.org was added.')
  t.match(await seat.answer('user add dave', [['made): ', '']]), /Password, shown this once: \S{8,}/)
  t.match(await seat.run('user add carol'), '% There is an account of that name already.')
  t.match(
    await seat.answer('user add erin', [
      ['made): ', 'a'],
      ['Once more: ', 'b'],
    ]),
    '% These were two different ones; nothing was added.',
  )
  t.match(await seat.run('user add x@elsewhere.example'), '% This is no address of example.org.', 'before any password')
  t.match(await seat.run('show users'), /sip:carol@example\.org +store +0 +0 +0 B/)
  t.equal(JSON.parse(await seat.run('show users --json')).users.length, 2)
  t.match(await seat.run('user show carol'), /Password +yes/)
  t.match(await seat.run('user show nobody'), '% There is no such account.')
  t.match(await seat.run('user show a@elsewhere.example'), '% This is no address of example.org.')
  t.match(
    await seat.answer('user password carol', [
      ['New password: ', secret],
      ['Once more: ', secret],
    ]),
    'was changed.',
  )
  t.match(await seat.answer('user password carol', [['New password: ', '']]), '% No password was given')
  t.match(await seat.answer('user remove carol', [['[y/n] ', 'n']]), 'Nothing was done.')
  t.match(await seat.answer('user remove carol', [['[y/n] ', 'y']]), 'Removed.')
  t.match(await seat.run('user remove carol'), '% There is no such account.')
  t.match(seat.said, '"command":"user password carol"')
  t.notMatch(seat.said + seat.written, 'canary')
})

t.test(
  'what waits: listed, traced, delivered, deleted after a question; strangers write nothing on the screen',
  async t => {
    const seat = await Technician.come(t)
    await seat.setUp()
    for (const aor of [ALICE_AOR, BOB_AOR]) seat.host.model.execute(accountPut(aor))
    for (let i = 0; i < 30; i++) seat.host.model.execute(custodyOf(i))
    seat.host.model.execute(custodyOf(99, { sender: 'sip:\x1b[2J\x07m\xfcller@example.org' }))
    await seat.run('terminal length 0')
    t.match(await seat.run('show queue'), /31 messages.*\naddress.*\nsip:bob@example\.org +31/)
    t.match(await seat.run('show queue alice'), 'Nothing waits for sip:alice@example.org.')
    const rows = await seat.run('show queue bob')
    t.equal(rows.split('\n').length, 32)
    t.match(rows, 'sip:\\u001b[2J~')
    const json = JSON.parse(await seat.run('show queue bob --json'))
    t.equal(json.messages.length, 31)
    t.match(json.messages[30].from, 'm\ufffdller')
    const { id } = json.messages[0]
    t.match(await seat.run(`trace ${id}`), /Call-ID call-0@192\.0\.2\.9\n.*from sip:alice@example\.org\n[\s\S]*stored/)
    t.equal(JSON.parse(await seat.run(`trace ${id} --json`)).messages[0].id, id)
    t.match(await seat.run('trace nothing'), '% No message is known by that.')
    t.match(await seat.run(`deliver ${id}`), 'Nobody is registered to hand it to; it stays.')
    t.match(await seat.run('deliver sip:9999@edge1.example.org'), '% No message is known by that id.')
    t.match(await seat.answer(`remove ${id}`, [['[y/n] ', 'no']]), 'Nothing was done.')
    t.match(await seat.answer(`remove ${id}`, [['[y/n] ', 'y']]), 'Deleted.')
    t.match(await seat.run('show queue'), '30 messages')
    t.match(await seat.run('remove sip:9999@edge1.example.org'), '% No message is known by that id.')
  },
)

t.test('registrations, histories, jobs', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  t.match(await seat.run('show registrations'), 'Nobody is registered.')
  t.match(await seat.run('show registrations nobody'), '% There is no such account.')
  t.match(await seat.run('show history'), 'Nobody has a history.')
  t.match(await seat.run('show history nobody'), '% There is no account sip:nobody@example.org.')
  t.match(await seat.run('show jobs'), 'No long work.')
  t.match(await seat.run('jobs remove x'), '% There is no such job.')
  seat.host.model.execute(accountPut(BOB_AOR))
  t.match(await seat.run('show history bob'), 'sip:bob@example.org has no history.')
  const flow = {
    id: 'udp/1',
    transport: 'udp' as const,
    local: { address: '192.0.2.1', port: 5060 },
    remote: { address: '2001:db8:1234:5678:9abc:def0:1234:5678', port: 40_000 },
  }
  const binding = {
    ...{ contact: 'sip:bob@192.0.2.7', params: '', q: 1000, callId: 'c', cseq: 1, path: [], flow },
    ...{ registeredAt: STORED_AT, expiresAt: (STORED_AT + 3.6e6) as WallTime, isInstantMessaging: true },
  }
  seat.host.model.execute({ verb: 'bindings.put', aor: BOB_AOR, version: 0, bindings: [binding] })
  t.match(await seat.run('show registrations'), /sip:bob@example\.org +\S+~? +udp +unknown +03-17/)
  t.equal(JSON.parse(await seat.run('show registrations bob --json')).registrations[0].contact, 'sip:bob@192.0.2.7')
})

t.test('the box: version, status, storage, clock, alarms, log, all of it for somebody who helps', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  await seat.run('terminal length 0')
  t.match(await seat.run('show version'), /Restante +\d/)
  t.match(await seat.run('show status'), /Accepts messages +yes[\s\S]*SIP UDP +127\.0\.0\.1:\d+/)
  t.equal(JSON.parse(await seat.run('show status --json')).domain, 'example.org')
  t.match(await seat.run('show storage'), /Free for the store +\d/)
  t.match(await seat.run('show clock'), /Trusted +yes/)
  t.ok(Array.isArray(JSON.parse(await seat.run('show alarms --json')).alarms))
  t.match(await seat.run('show resets'), /Starts +\d/)
  t.match(await seat.run('show log lines 5'), /info +console enabled name=admin/)
  t.match(await seat.run('show log level error'), 'Nothing was logged.')
  t.match(await seat.run('show log follow --json'), '% follow goes without --json.')
  t.match(await seat.run('log level debug minutes 5'), /Level +debug, back to info in 5 min/)
  t.match(await seat.run('who'), /You are admin \(admin\) on \/dev\/ttyS1\.\n[\s\S]*console line +\/dev\/ttyS1/)
  const all = await seat.run('show tech-support')
  for (const part of ['version', 'status', 'clock', 'storage', 'alarms', 'resets', 'jobs', 'config', 'log'])
    t.match(all, `------ show ${part} ------`)
  const document = JSON.parse(await seat.run('show tech-support --json'))
  t.equal(document.config.keys['xdms.password'].set, true)
  t.notMatch(seat.written, 'canary')
})

t.test('the log as it is written, until a key', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  seat.press('show log lines 1 follow\r')
  await seat.settled()
  t.match(seat.screen.text, '--- any key ends ---')
  seat.logs.info('something \x1b[31m happened')
  await seat.settled()
  t.match(seat.screen.text, /info +something \\u001b\[31m happened/)
  for (let i = 0; i < 5; i++) seat.logs.warn('more')
  await seat.settled()
  seat.press('x')
  await seat.until('edge1# ')
  t.match(await seat.run('show clock'), 'Trusted', 'the key ended it, and nothing else')
})

t.test('administrators: listed, and a password changed', async t => {
  const seat = await Technician.come(t)
  await seat.setUp()
  t.match(await seat.run('administrator list'), /admin +admin/)
  const other = 'canary other battery'
  t.match(
    await seat.answer('administrator password admin', [
      ['New password: ', other],
      ['Once more: ', other],
    ]),
    'The password of admin was changed',
  )
  t.match(
    await seat.answer('administrator password admin', [
      ['New password: ', 'short'],
      ['Once more: ', 'short'],
    ]),
    '% A password has at least 10',
  )
  t.match(await seat.run('administrator password nobody'), '% There is nobody of that name.')
  t.match(await seat.run('administrator list'), 'admin', 'this session goes on')
  t.notMatch(seat.said + seat.written, 'canary')
})
