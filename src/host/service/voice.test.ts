import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Administrators } from '../administrators.ts'
import { SystemEntropy } from '../entropy.ts'
import { BoxState } from '../watchdog/box-state.ts'
import { firstPassword, firstPasswordFile, isJournal, keepFirstPasswords } from './first-password.ts'
import { type Notifier, silentNotifier } from './notifier.ts'
import { type Obstacle, openingS, statusLine, Voice } from './voice.ts'

const dir = mkdtempSync(join(tmpdir(), 'restante-voice-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

/** What the manager was told, in order. */
function ear(): { notifier: Notifier; told: string[] } {
  const told: string[] = []
  const notifier: Notifier = {
    ...silentNotifier,
    ready: () => void told.push('READY'),
    reloading: () => void told.push('RELOADING'),
    stopping: () => void told.push('STOPPING'),
    status: text => void told.push(text),
    extendS: seconds => void told.push(`EXTEND ${seconds}`),
  }
  return { notifier, told }
}

const figures = async () => ({ accounts: 1, messages: 2 })
const domain = () => 'example.org'

t.test(
  'ready only after a write was flushed; until then it says why; what ends by itself may take long, a medium that fails less',
  async t => {
    const { notifier, told } = ear()
    const obstacles: (Obstacle | undefined)[] = [
      { reason: 'the medium failed', isPassing: false },
      { reason: 'the medium still fails', isPassing: false },
      { reason: '5 bytes are free', isPassing: true },
      undefined,
    ]
    const tries: number[] = []
    const tryCustody = async () => {
      tries.push(told.length)
      return obstacles.shift()
    }
    const voice = new Voice(notifier, new BoxState(), { domain, tryCustody, figures }, 1)
    await voice.start()
    t.same(told, [
      'not ready: the medium failed',
      'EXTEND 60',
      'not ready: the medium still fails',
      'not ready: 5 bytes are free',
      'EXTEND 60',
      'serving example.org: 1 account, 2 messages waiting',
      'READY',
      'serving example.org: 1 account, 2 messages waiting',
    ])
    t.equal(tries.length, 4)
    voice.reload(() => told.push('read'))
    voice.stop()
    t.same(told.slice(8), ['RELOADING', 'read', 'READY', 'stopping', 'STOPPING'])
  },
)

t.test('stopped before it was ready: it never says so, nor that it reads anything again', async t => {
  const { notifier, told } = ear()
  const tryCustody = async () => ({ reason: 'the medium failed', isPassing: false })
  const voice = new Voice(notifier, new BoxState(), { domain, tryCustody, figures })
  const started = voice.start()
  voice.reload(() => told.push('read'))
  voice.stop()
  await started
  t.same(told, ['read', 'stopping', 'STOPPING'])
})

t.test('what becomes of the box is told as it changes, without being asked', async t => {
  const { notifier, told } = ear()
  const state = new BoxState()
  const voice = new Voice(notifier, state, { domain, tryCustody: async () => undefined, figures })
  await voice.start()
  told.length = 0
  state.set('degraded', 'the clock is not trusted')
  state.set('fault', 'no space is left')
  state.set('ready')
  voice.stop()
  state.set('fault', 'nobody listens any more')
  t.same(told, [
    'degraded: the clock is not trusted; serving example.org: 1 account, 2 messages waiting',
    'cannot take messages: no space is left',
    'serving example.org: 1 account, 2 messages waiting',
    'stopping',
    'STOPPING',
  ])
})

t.test('without figures it still says what it serves', async t => {
  t.equal(statusLine({ condition: 'ready', reason: '' }, 'example.org', undefined), 'serving example.org')
})

t.test('a large store may take long to open', async t => {
  t.equal(openingS(join(dir, 'none')), 60, 'there is none yet')
  const large = join(dir, 'large')
  mkdirSync(join(large, 'mailbox'), { recursive: true })
  writeFileSync(join(large, 'mailbox', 'data.mdb'), '')
  truncateSync(join(large, 'mailbox', 'data.mdb'), 4 * 1024 ** 3)
  t.equal(openingS(large), 60 + 1024)
})

t.test('the first password lies in a file for its owner alone, until the administrator has another one', async t => {
  const data = join(dir, 'data')
  mkdirSync(data)
  const administrators = Administrators.open(data, new SystemEntropy(), Date.now)
  t.equal(firstPassword(data), undefined)
  keepFirstPasswords(data, [
    { name: 'admin', password: 'one-password' },
    { name: 'sip:alice@example.org', password: 'another' },
  ])
  t.equal(statSync(firstPasswordFile(data)).mode & 0o777, 0o400)
  t.equal(readFileSync(firstPasswordFile(data), 'utf8'), 'admin one-password\nsip:alice@example.org another\n')
  await administrators.begin('one-password')
  Administrators.open(data, new SystemEntropy(), Date.now)
  t.equal(firstPassword(data), 'one-password', 'another start leaves it')
  await administrators.add('carol', 'admin', 'a password of her own')
  await administrators.changePassword('carol', 'another password of hers')
  t.ok(existsSync(firstPasswordFile(data)), 'somebody else’s is no matter')
  await administrators.changePassword('admin', 'a password that somebody chose')
  t.notOk(existsSync(firstPasswordFile(data)))
  keepFirstPasswords(data, [{ name: 'admin', password: 'from before' }])
  Administrators.open(data, new SystemEntropy(), Date.now)
  t.equal(firstPassword(data), undefined, 'a start removes what opens nothing')
})

t.test('what is printed goes to the journal: by the descriptor that systemd names', async t => {
  const file = join(dir, 'out')
  const descriptor = openSync(file, 'w')
  t.teardown(() => closeSync(descriptor))
  const { dev, ino } = statSync(file, { bigint: true })
  t.equal(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, descriptor), true)
  t.equal(isJournal({ JOURNAL_STREAM: `${dev}:${ino + 1n}` }, descriptor), false, 'inherited from a session')
  t.equal(isJournal({}, descriptor), false)
})
