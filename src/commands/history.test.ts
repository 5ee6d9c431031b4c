import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import { ControlServer } from '../host/control.ts'
import { FolderLock } from '../host/lock.ts'
import { OutsideStore } from '../host/outside-store.ts'
import { WatchedStore } from '../host/watched-store.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { HISTORY_LIMITS, type MessageKept, messageKept, sendWritten, sessionOpened } from '../testing/history-items.ts'
import { HostStore } from '../testing/host-store.ts'
import { ALICE_AOR, accountPut, BOB_AOR, STORED_AT } from '../testing/store-fixtures.ts'
import { run } from './program.ts'

const EVIL = '\u001b[2J\u009b1m\u202e\r\n\u0007'

/** `history ...` over a store with bob in it. */
function setUp(t: Test) {
  const dir = t.testdir({ data: {} })
  const file = join(dir, 'restante.toml')
  writeFileSync(file, `domain = "example.org"\ndata_dir = "${join(dir, 'data')}"\n`)
  const store = new HostStore()
  store.model.execute(accountPut(BOB_AOR))
  store.model.execute(accountPut(ALICE_AOR))
  const history = async (line: string, input?: string) => {
    const told = { out: '', err: '' }
    const stdin = Object.assign(Readable.from([input ?? '']), input === undefined ? {} : { isTTY: true })
    const code = await run(['history', ...line.split(' '), '--config', file], {
      makeEngine: async () => new EchoEngine(),
      openStore: async () => store,
      stdin,
      out: text => {
        told.out += text
      },
      err: text => {
        told.err += text
      },
    })
    return { code, ...told }
  }
  const keep = (number: number, kept: MessageKept = {}) => {
    const reply = store.model.execute(messageKept(number, kept))
    if (typeof reply === 'string' || !('reference' in reply[0]!)) throw new Error('not kept')
    return reply[0].reference
  }
  const count = () => (store.model.execute({ verb: 'history.summary', aor: BOB_AOR }) as { items: number }).items
  return { dir, store, history, keep, count }
}

t.test('history lists a line for each, the newest first, and says when there are more', async t => {
  const { history, keep } = setUp(t)
  t.match(await history('bob'), { code: 0, out: /^Nothing in the history/ })
  for (let number = 1; number <= 130; number++) keep(number)
  const fifty = await history('bob')
  t.equal(fifty.out.split('\n').length, 52)
  t.match(
    fifty.out,
    /^received .* subject or name\n2030-03-17T17:48:50.000Z {2}message {2}receiver .* sip:alice@example\.org +subject 130\n/,
  )
  t.match(fifty.err, /There are more/)
  t.match(await history('bob --limit 130'), { out: /subject 1\n/, err: '' })
  t.equal((await history('bob --all')).out.split('\n').length, 132)
  t.equal((await history('bob --subject ject\u00a0')).code, 0)
  t.match((await history('bob --since 2030-03-17T17:48:49Z --kind message --peer alice')).out, /130\n.*129\n$/)
  const json = JSON.parse((await history('bob --json --limit 2')).out)
  t.match(json, [{ subject: 'subject 130', kind: 'message', peer: ALICE_AOR }, { subject: 'subject 129' }])
  t.same(JSON.parse((await history('alice --json')).out), [])
  t.match((await history('owners')).out, /^address +items +bytes\nsip:bob@example\.org +130 +\d+\n$/)
  t.match(JSON.parse((await history('owners --json')).out), [{ aor: BOB_AOR, items: 130 }])
})

t.test('a recording is listed by the name that it was given', async t => {
  const { history, store } = setUp(t)
  store.model.execute(sessionOpened(1, { subject: '', recordingName: 'Stand-up' }))
  t.match((await history('bob')).out, / {2}Stand-up\n$/)
})

t.test('history show tells what is known and what was said; nothing that others wrote rules the terminal', async t => {
  const { history, keep, store } = setUp(t)
  const hostile = Buffer.from(EVIL).toString('latin1')
  const bytes = Buffer.from(`MESSAGE ${BOB_AOR} SIP/2.0\r\nSubject: \u001b[31m\r\n\r\n${EVIL}\u0000`)
  const reference = keep(1, { bytes, item: { subject: hostile, from: hostile, callId: hostile } })
  const { record } = store.model.execute(sessionOpened(2, { recordingName: hostile })) as { record: number }
  const pieces = [sendWritten('ab12', EVIL)]
  store.model.execute({ verb: 'history.append', record, pieces, limits: HISTORY_LIMITS })
  const participants = [{ uri: 'sip:c@d', displayName: hostile, joinedAt: STORED_AT }]
  store.model.execute({ verb: 'history.close', record, at: STORED_AT, keep: true, participants })
  const [session] = JSON.parse((await history('bob --kind session --json')).out)
  for (const line of ['bob', `show bob ${reference}`, `show bob ${session.reference}`]) {
    const { code, out } = await history(line)
    t.equal(code, 0)
    t.match(out, /\\u001b/)
    t.notMatch(out, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/, line)
  }
  t.match((await history(`show bob ${reference}`)).out, /\nas received:\n {2}MESSAGE sip:bob@example\.org SIP\/2\.0\n/)
  t.match((await history(`show bob ${session.reference}`)).out, /\ninvite:\n {2}INVITE .*\n {2}MSRP ab12 SEND\n/s)
  t.match(JSON.parse((await history(`show bob ${session.reference} --json`)).out), {
    requests: 1,
    heads: { bye: null },
  })
  const large = keep(3, { bytes: Buffer.alloc(65_536, 'x') })
  t.ok((await history(`show bob ${large}`)).out.length < 70_000)
  t.match(await history('show bob sip:1@elsewhere.example'), { code: 1, err: /has no "sip:1@elsewhere/ })
  t.match(await history(`show alice ${reference}`), { code: 1, err: /The history of sip:alice/ })
})

t.test('HIS-DLV-03: history show names nobody who asked for privacy', async t => {
  const { history, keep } = setUp(t)
  const owners = [{ aor: BOB_AOR, role: 'receiver', peer: 'anonymous' }] as const
  const reference = keep(1, { item: { from: 'anonymous', isAnonymous: true }, owners })
  const { out } = await history(`show bob ${reference}`)
  t.match(out, /message 1/)
  t.notMatch(out, 'sip:alice')
})

t.test('history export writes a file that was not there, with progress on stderr', async t => {
  const { history, keep, dir } = setUp(t)
  for (let number = 1; number <= 2100; number++) keep(number)
  const file = join(dir, 'bob.mbox')
  const { code, out, err } = await history(`export bob ${file}`)
  t.match({ code, out }, { code: 0, out: '' })
  t.match(err, /^1000 of 2100 written\n2000 of 2100 written\n2100 items of sip:bob@example\.org in .*bob\.mbox\.\n$/)
  t.equal(readFileSync(file, 'utf8').split(/^From /m).length, 2101)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.match(await history(`export bob ${file}`), { code: 1, err: /there is a file of that name/ })
  t.equal(readFileSync(file, 'utf8').split(/^From /m).length, 2101, 'and it stays')
  t.match(await history('export alice -'), { code: 0, out: '', err: /^0 items of sip:alice/ })
  const shown = await history('export bob -')
  t.equal(shown.out, readFileSync(file, 'utf8'))
  t.match(await history(`export bob ${join(dir, 'no', 'where')}`), { code: 1, err: /cannot be written/ })
})

t.test('an export that fails leaves no half file', async t => {
  const { history, keep, store, dir } = setUp(t)
  for (const number of [1, 2]) keep(number)
  const whole = store.model.execute.bind(store.model)
  store.model.execute = (request => {
    if (request.verb === 'history.pieces') store.failure = { failure: 'io', detail: 'x' }
    return whole(request)
  }) as typeof whole
  const told = await history(`export bob ${join(dir, 'x')}`)
  t.match(told, { code: 1, err: /the store cannot be used: its medium failed/ })
  t.notOk(existsSync(join(dir, 'x')))
})

t.test('history erase asks, or is told not to', async t => {
  const { history, keep, count } = setUp(t)
  for (let number = 1; number <= 1200; number++) keep(number)
  t.match(await history('erase bob'), { code: 1, err: /Give --yes/ })
  for (const answer of ['no\n', '\n', '', 'y\n'])
    t.match(await history('erase bob', answer), {
      code: 1,
      err: /Erase the history of sip:bob.*1200 items\? Type yes: Nothing was erased/,
    })
  t.equal(count(), 1200)
  t.match(await history('erase bob --before 2030-03-17T17:46:43Z', 'yes\n'), {
    code: 0,
    out: 'Erased 2 items of sip:bob@example.org.\n',
  })
  t.match(await history('erase bob --yes'), { code: 0, out: /^Erased 1198 items/, err: /^1024 of 1198 erased\n$/ })
  t.equal(count(), 0)
  t.match(await history('erase bob --yes --before soon'), { code: 1, err: /--before: "soon" is no time/ })
})

t.test('a running box answers over its control socket, and its engine hears of what goes', async t => {
  const { history, keep, store, dir, count } = setUp(t)
  const reference = keep(1)
  const data = join(dir, 'data')
  const lock = await FolderLock.take(data)
  const told: string[] = []
  const outside = new OutsideStore(new WatchedStore(store, silentLog), ({ verb }) => told.push(verb))
  const control = await ControlServer.open(data, outside)
  t.teardown(() => {
    control.close()
    lock?.release()
  })
  t.match((await history('bob')).out, /subject 1\n$/)
  t.match((await history(`show bob ${reference}`)).out, /message 1/)
  const { out } = await history('export bob -')
  t.match(out, Buffer.from('message 1').toString('base64'))
  t.match((await history('owners')).out, /bob/)
  t.match(await history('erase bob --yes'), { out: /^Erased 1 item of/ })
  t.same(told, ['history.erase'])
  t.equal(count(), 0)
})

t.test('history: wrong command lines', async t => {
  const { history } = setUp(t)
  t.match(await history('nobody'), { code: 1, err: /There is no account sip:nobody/ })
  for (const line of ['erase nobody --yes', 'export nobody -', 'show nobody x'])
    t.match(await history(line), { code: 1, err: /There is no account/ }, line)
  t.match(await history('bob --since yesterday'), { code: 1, err: /since: "yesterday" is no time. Allowed/ })
  for (const line of [
    'bob --limit 0',
    'bob --limit x',
    'bob --limit 1 --all',
    'bob --kind fax',
    'show bob',
    'export bob',
    'owners x',
    'bob x',
  ])
    t.match(await history(line), { code: 2 }, line)
})
