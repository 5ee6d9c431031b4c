import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { FolderLock } from '../host/lock.ts'
import { ha1 } from '../sip/digest.ts'
import { Authority, dns } from '../testing/authority.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { HostStore } from '../testing/host-store.ts'
import { run } from './program.ts'
import type { World } from './world.ts'

const RECEIVED = Date.UTC(2030, 0, 1) as WallTime

/** A folder with a configuration and a store; `restante(...)` runs one command line there. */
const setUp = (toml = '') => {
  const dir = t.testdir({ data: {} })
  const file = join(dir, 'restante.toml')
  writeFileSync(file, `domain = "example.org"\ndata_dir = "${join(dir, 'data')}"\n${toml}`)
  const store = new HostStore()
  const restante = async (line: string, input = '') => {
    const told = { out: '', err: '' }
    const world: World = {
      makeEngine: async () => new EchoEngine(),
      openStore: async () => store,
      stdin: Readable.from([input]),
      out: text => {
        told.out += text
      },
      err: text => {
        told.err += text
      },
    }
    const code = await run([...line.split(' '), '--config', file], world)
    return { code, ...told }
  }
  return { dir, file, store, restante }
}

const storeMessage = (store: HostStore, callId: string, body = 'x'.repeat(100)) =>
  store.model.execute({
    verb: 'custody',
    limits: { quotaMessages: 10, quotaBytes: 100_000, reserveBytes: 0 },
    message: {
      recipient: 'sip:alice@example.org',
      sender: 'sip:bob@example.org',
      callId,
      cseq: 1,
      fromTag: 'x',
      bytes: Buffer.from(body),
      receivedAt: RECEIVED,
      expiresAt: (RECEIVED + 60_000) as WallTime,
      isUrgent: false,
    },
  })

t.test('exit codes: 0 done, 1 the input or the state is wrong, 2 usage', async t => {
  const { restante } = setUp()
  t.equal((await restante('user list')).code, 0)
  t.equal((await restante('user remove nobody')).code, 1)
  for (const usage of [
    'nonsense',
    'user',
    'user add',
    'queue a b',
    'user list --nonsense',
    'user add a --algorithms X',
  ]) {
    const { code, err } = await restante(usage)
    t.equal(code, 2, usage)
    t.ok(err, 'with a message on stderr')
  }
})

t.test('check: no errors, or every error as FILE:KEY', async t => {
  const good = setUp()
  t.match(await good.restante('check'), { code: 0, out: `${good.file}: no errors\n`, err: '' })
  const bad = setUp('zzz = 1\n[mwi]\nheaders = "x"\n[tls]\ncertificate = "/nowhere/c.pem"')
  const { code, err } = await bad.restante('check')
  t.equal(code, 1)
  const lines = err.trimEnd().split('\n')
  t.equal(lines.length, 4, 'tls.certificate cannot be read, and has no key')
  for (const line of lines) t.ok(line.startsWith(`${bad.file}:`), line)
  t.equal(bad.store.asked.length, 0, 'no side effect')
})

t.test('check: a certificate that cannot be read', async t => {
  const { restante, file } = setUp('[tls]\ncertificate = "/nowhere/c.pem"\nkey = "/nowhere/k.pem"')
  const { code, err } = await restante('check')
  t.equal(code, 1)
  t.match(
    err,
    `${file}:tls.certificate: "/nowhere/c.pem" cannot be read: there is no such file or folder, allowed: a PEM file`,
  )
  t.match(err, `${file}:tls.key: "/nowhere/k.pem" cannot be read`)
})

t.test('check: what the files of [tls] hold, and warnings beside "no errors"', async t => {
  const authority = await Authority.make()
  const edge = await authority.issue({ names: [dns('edge1.example.org')], notAfter: new Date('2021-01-01') })
  const dir = t.testdir({ 'c.pem': edge.certificate, 'k.pem': edge.key, none: 'nothing' })
  const tls = (certificate: string, key: string, ca = '') =>
    setUp(`[tls]\ncertificate = "${dir}/${certificate}"\nkey = "${dir}/${key}"\n${ca && `ca = "${dir}/${ca}"`}`)
  const good = tls('c.pem', 'k.pem', 'c.pem')
  const { code, out } = await good.restante('check')
  t.equal(code, 0)
  t.match(out, `${good.file}:tls.certificate: warning: the certificate has expired (`)
  t.match(out, `${good.file}: no errors\n`)
  const bad = tls('k.pem', 'k.pem', 'none')
  const { code: worse, err } = await bad.restante('check')
  t.equal(worse, 1)
  t.match(err, `${bad.file}:tls.certificate: ${dir}/k.pem is not a certificate in PEM, allowed: a PEM file that`)
  t.match(err, `${bad.file}:tls.ca: ${dir}/none holds no certificate, allowed: a PEM file of certificates`)
})

t.test('version names the program and the runtime', async t => {
  const { code, out } = await setUp().restante('version')
  t.equal(code, 0)
  t.equal((await setUp().restante('--version')).out, out)
  t.match(out, new RegExp(`^restante \\d+\\.\\d+\\.\\d+\nNode\\.js ${process.versions.node}\n$`))
})

t.test('user add: a password of stdin, or one made and shown once', async t => {
  const { store, restante } = setUp()
  const given = await restante('user add sip:alice@example.org --password-stdin', 'secret\nnot this')
  t.same(given, { code: 0, out: 'Added sip:alice@example.org.\n', err: '' })
  t.match(store.model.execute({ verb: 'account.get', aor: 'sip:alice@example.org' }), {
    ha1Md5: ha1('alice', 'example.org', 'secret', 'MD5'),
    origin: 'store',
  })
  const made = await restante('user add bob@EXAMPLE.org --algorithms sha-256,md5')
  const password = /Password \(shown this once\): ([a-z2-7]{16})\n/.exec(made.out)?.[1]
  t.ok(password)
  t.match(store.model.execute({ verb: 'account.get', aor: 'sip:bob@example.org' }), {
    ha1Sha256: ha1('bob', 'example.org', password!, 'SHA-256'),
    algorithms: ['SHA-256', 'MD5'],
  })
})

t.test('user add: refuses who is there already, other domains, and the service’s own addresses', async t => {
  const { restante } = setUp()
  await restante('user add alice')
  t.match(await restante('user add alice'), { code: 1, err: /exists already.*user password/ })
  t.match(await restante('user add sip:alice@example.net'), { code: 1, err: /not in the domain/ })
  for (const text of ['sip:@@', 'sip:bob', 'sips:bob@example.org', 'tel:+15550100', 'bob:secret@example.org'])
    t.match(
      await restante(`user add ${text}`),
      { code: 1, err: /not an address of an account\. Allowed: alice, / },
      text,
    )
  for (const text of ['bob@example.org:5060', 'sip:bob@example.org;transport=tcp', 'sip:bob@example.org?subject=x'])
    t.match(await restante(`user add ${text}`), { code: 1, err: /not an address of an account/ }, text)
  t.match(await restante('user add history'), { code: 1, err: /the service's own address/ })
  t.match(await restante('user add carol --password-stdin', '\n'), { code: 1, err: /password is empty/ })
})

t.test('RFC 3261 19.1.4: letter case tells users apart, which user add points out', async t => {
  const { restante } = setUp()
  await restante('user add alice')
  const again = await restante('user add Alice@EXAMPLE.org')
  t.match(again, { code: 0, out: /^Added sip:Alice@example\.org/, err: /^Note: sip:alice@example\.org exists too/ })
})

t.test('no lock is held while a password is asked for', async t => {
  const { dir, file, store } = setUp()
  let isFree: boolean | undefined
  const input = async function* () {
    const lock = await FolderLock.take(join(dir, 'data'))
    isFree = lock !== undefined
    lock?.release()
    yield 'secret\n'
  }
  const world: World = {
    makeEngine: async () => new EchoEngine(),
    openStore: async () => store,
    stdin: Readable.from(input()),
    out() {},
    err() {},
  }
  t.equal(await run(['user', 'add', 'alice', '--password-stdin', '--config', file], world), 0)
  t.equal(isFree, true)
})

t.test('user password, user list, user remove', async t => {
  const { store, restante } = setUp()
  await restante('user add alice --algorithms SHA-256')
  t.match(await restante('user password alice --password-stdin', 'changed'), { code: 0 })
  t.match(store.model.execute({ verb: 'account.get', aor: 'sip:alice@example.org' }), {
    ha1Sha256: ha1('alice', 'example.org', 'changed', 'SHA-256'),
    algorithms: ['SHA-256'],
  })
  t.match(await restante('user password bob'), { code: 1, err: /no account sip:bob@example\.org/ })
  t.match((await restante('user list')).out, /^sip:alice@example\.org {2}store {2}SHA-256\n$/)
  t.same(JSON.parse((await restante('user list --json')).out), [
    { aor: 'sip:alice@example.org', origin: 'store', algorithms: ['SHA-256'] },
  ])
  storeMessage(store, 'one')
  t.match(await restante('user remove alice'), { code: 0, out: /^Removed .* 1 waiting message\.\n$/ })
  t.match(await restante('user list'), { code: 0, out: /^No accounts/ })
})

t.test('an account of the file is changed in the file alone', async t => {
  const { store, file, restante } = setUp()
  const account = { aor: 'sip:alice@example.org', ha1Md5: 'a'.repeat(32), origin: 'file' } as const
  store.model.execute({ verb: 'account.provision', accounts: [account] })
  const refusal = new RegExp(`stands in ${file} under`)
  t.match(await restante('user password alice'), { code: 1, err: refusal })
  t.match(await restante('user remove alice'), { code: 1, err: refusal })
})

t.test('more accounts than a page holds are all listed', async t => {
  const { store, restante } = setUp()
  for (let i = 0; i < 1203; i++) {
    const account = { aor: `sip:u${i}@example.org`, ha1Md5: 'a'.repeat(32), origin: 'store' } as const
    store.model.execute({ verb: 'account.put', account })
  }
  t.equal(JSON.parse((await restante('user list --json')).out).length, 1203)
})

t.test('queue: count, bytes and oldest; with an address one line each', async t => {
  const { store, restante } = setUp()
  t.equal((await restante('queue')).out, '0 messages, 0 bytes waiting\n')
  await restante('user add alice')
  await restante('user add bob')
  storeMessage(store, 'one')
  storeMessage(store, 'two')
  const all = JSON.parse((await restante('queue --json')).out)
  t.match(all, {
    count: 2,
    oldest: '2030-01-01T00:00:00.000Z',
    mailboxes: [{ aor: 'sip:alice@example.org', count: 2 }],
  })
  t.equal(all.mailboxes.length, 1)
  const rows = JSON.parse((await restante('queue alice --json')).out)
  t.equal(rows.length, 2)
  t.match(rows[0], { id: /^sip:\d+@/, expires: '2030-01-01T00:01:00.000Z', attempts: 0, last_failure: null })
  t.match((await restante('queue')).out, /^2 messages, \d+ bytes waiting\naddress .*\nsip:alice@example\.org {2}2 /)
  t.equal((await restante('queue alice')).out.trimEnd().split('\n').length, 3, 'a heading and two lines')
  t.match(await restante('queue bob'), { code: 0, out: 'Nothing waits for sip:bob@example.org.\n' })
  t.match(await restante('queue nobody'), { code: 1, err: /no account/ })
})

t.test('trace: by Call-ID or store id; nothing of a body; no control character reaches the terminal', async t => {
  const { store, restante } = setUp()
  await restante('user add alice')
  const custody = storeMessage(store, 'call\x1b[2J', 'hunter2')
  const { out } = await restante('trace call\x1b[2J')
  t.match(out, /from sip:bob@example\.org to sip:alice@example\.org/)
  t.match(out, /2030-01-01T00:00:00\.000Z {2}stored/)
  t.notMatch(out, '\x1b')
  t.notMatch(out, 'hunter2')
  const storeId = 'storeId' in custody ? custody.storeId : ''
  t.match(JSON.parse((await restante(`trace ${storeId} --json`)).out), [
    { id: storeId, call_id: 'call\x1b[2J', events: [{ event: 'stored' }] },
  ])
  t.match(await restante('trace nothing'), { code: 1, err: /No message is known by "nothing"/ })
})

t.test('a data folder that is not there is told, not made; a store that fails is told', async t => {
  const { store, restante, dir } = setUp()
  store.failure = { failure: 'io', detail: 'EIO' }
  t.match(await restante('queue'), { code: 1, err: /the store cannot be used: its medium failed \(EIO\)\. Look into/ })
  store.failure = { failure: 'full', detail: 'MDB_MAP_FULL' }
  t.match(await restante('user add alice'), {
    code: 1,
    err: /data: the store cannot be used: there is no space left\. Free/,
  })
  rmSync(join(dir, 'data'), { recursive: true })
  t.match(await restante('queue'), { code: 1, err: /data_dir: .* is no folder, or does not exist/ })
  t.notOk(existsSync(join(dir, 'data')))
})

t.test('console: a speed and flow control are of a line, and what there is', async t => {
  const { restante } = setUp()
  t.match(await restante('console --baud 9600'), { code: 1, err: '--baud is of the line that --device names.\n' })
  t.match(await restante('console --device /dev/ttyS0 --baud 50'), { code: 2, err: /Allowed: 1200, .*921600/ })
  t.match(await restante('console --flow-control xonxoff'), {
    code: 1,
    err: '--flow-control is of the line that --device names.\n',
  })
  t.match(await restante('console --device /dev/ttyS0 --flow-control dtr'), { code: 2, err: /none, rtscts, xonxoff/ })
  t.match(await restante('console'), { code: 1, err: 'There is no terminal here.\n' })
  for (const device of [import.meta.filename, '/dev/null'])
    t.match(await restante(`console --device ${device}`), { code: 1, err: `--device: ${device} is no terminal.` })
})

t.test('user add: a password without control characters, its line end taken off', async t => {
  const { store, restante } = setUp()
  const refused = async (input: string, reason: RegExp) =>
    t.match(await restante('user add alice --password-stdin', input), { code: 1, out: '', err: reason })
  await refused('a\tb\n', /has a control character, U\+0009, as character 2\. Clients cannot send it/)
  await refused('secret\r', /U\+000D, as character 7/)
  await refused('secret\r\r\n', /U\+000D, as character 7/)
  await refused('\x00', /U\+0000/)
  await refused('x'.repeat(257), /longer than 256/)
  await refused('\n', /password is empty/)
  const aor = 'sip:alice@example.org'
  t.equal(store.model.execute({ verb: 'account.get', aor }), undefined)
  t.match(await restante('user add alice --password-stdin', 'sécret\r\n'), { code: 0 })
  t.match(store.model.execute({ verb: 'account.get', aor }), { ha1Md5: ha1('alice', 'example.org', 'sécret', 'MD5') })
})

t.test('user list: one long name does not widen the columns of the others', async t => {
  const { restante } = setUp()
  const long = 'x'.repeat(300)
  for (const name of ['alice', long]) await restante(`user add ${name}`)
  t.equal((await restante('user list')).out, `sip:alice@example.org  store  MD5\nsip:${long}@example.org  store  MD5\n`)
})

t.test('an address longer than the store takes is refused as an address', async t => {
  const { restante } = setUp()
  t.match(await restante(`user add ${'x'.repeat(2000)}`), {
    code: 1,
    err: /^"x+\.\.\." is not an address of an account/,
  })
})
