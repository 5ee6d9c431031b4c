import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { HostStore } from '../../testing/host-store.ts'
import { ControlServer } from '../control.ts'
import { controlPath } from '../control-wire.ts'
import { ConsoleStream } from './stream.ts'
import { StreamClient } from './stream-client.ts'
import { lineOf } from './stream-wire.ts'

/** The stream of a console between two ends; what sits at the box's end notes what it is told. */

interface Far {
  readonly events: string[]
  write: (text: string) => boolean
  end: (why: 'logout') => void
  readonly stream: ConsoleStream
}

const asked = { isPhysical: false, name: 'test', columns: 80, rows: 24 }

async function setUp(t: Test, isRefused = false, hasRoom = true) {
  const dir = t.testdir({})
  const far = Promise.withResolvers<Far>()
  const stream = (socket: Socket): void => {
    if (isRefused) return void socket.end('{"refused":"enough"}\n')
    const events: string[] = []
    const made: Pick<Far, 'write' | 'end'> = { write: () => true, end: () => {} }
    const opened = new ConsoleStream(
      socket,
      (write, end) => {
        Object.assign(made, { write, end })
        return {
          start: () => void write('login: '),
          keys: bytes => events.push(bytes.toString('latin1')) > 0 && hasRoom,
          drained: () => void events.push('drained'),
          hangUp: () => void events.push('hang up'),
          close: text => void events.push(`close ${text}`),
        }
      },
      () => void events.push('closed'),
    )
    far.resolve(Object.assign(made, { events, stream: opened }))
  }
  const server = await ControlServer.open(dir, new HostStore(), { consoles: { stream } })
  t.teardown(() => server.close())
  return { dir, server, far: far.promise }
}

async function near(t: Test, dir: string) {
  const client = await StreamClient.open(dir, asked)
  if ('why' in client) throw new Error(client.why)
  t.teardown(() => client.close())
  const told = { text: '', ended: Promise.withResolvers<string>() }
  client.use({ text: text => void (told.text += text), room: () => {}, ended: told.ended.resolve })
  return { client, told }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

async function seen(is: () => boolean): Promise<void> {
  while (!is()) await turn()
}

t.test('keys go there and text comes back, octet for octet, until one end leaves', async t => {
  const { dir, far } = await setUp(t)
  const { client, told } = await near(t, dir)
  const { events, end } = await far
  await seen(() => told.text === 'login: ')
  const all = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet))
  client.keys(all)
  await seen(() => events.join('').length === 256)
  t.equal(events.join(''), all.toString('latin1'))
  end('logout')
  t.equal(await told.ended.promise, 'logout')
  await seen(() => events.includes('closed'))
  t.notOk(
    events.some(each => each.startsWith('close ')),
    'it ended by itself',
  )
})

t.test('the box has its other connections anew meanwhile, and the console stays', async t => {
  const { dir, far, server } = await setUp(t)
  const { client, told } = await near(t, dir)
  const { events, stream } = await far
  server.close()
  client.keys(Buffer.from('x'))
  await seen(() => events.includes('x'))
  stream.close('It is over.')
  t.equal(await told.ended.promise, 'closed')
  t.ok(events.includes('close It is over.'))
})

t.test('a terminal that is gone closes the session; a box that is gone is told', async t => {
  const first = await setUp(t)
  const { client } = await near(t, first.dir)
  const { events } = await first.far
  client.close()
  await seen(() => events.includes('closed'))
  t.ok(events.includes('close undefined'))

  const raw = await setUp(t)
  const there = await near(t, raw.dir)
  await raw.far
  t.match(await StreamClient.open(join(raw.dir, 'none'), asked), { why: 'the service is not running' })
  raw.server.close()
  const opened = await raw.far
  opened.stream.close('')
  t.equal(await there.told.ended.promise, 'closed')
})

t.test('who does not take what is shown holds the session back, and nothing is lost', async t => {
  const { dir, far } = await setUp(t)
  const { client, told } = await near(t, dir)
  const { events, write } = await far
  await seen(() => told.text === 'login: ')
  client.pause()
  const line = `${'x'.repeat(1022)}\r\n`
  let lines = 0
  do {
    lines++
    await turn()
  } while (lines < 100_000 && (write(line) || events.includes('drained')))
  t.ok(lines < 10_000, `it stood after ${lines} lines of 1 KiB`)
  client.resume()
  await seen(() => events.includes('drained'))
  await seen(() => told.text.length === 'login: '.length + lines * line.length)
})

t.test('keys that are not taken are held back up to a bound; ^C is not', async t => {
  const { dir, far } = await setUp(t, false, false)
  const { client } = await near(t, dir)
  const { events } = await far
  const heard = (): number => events.join('').length
  t.equal(client.keys(Buffer.alloc(60_000, 'x')), false)
  await seen(() => heard() > 0)
  t.equal(heard(), 4096, 'no more than may be under way')
  client.keys(Buffer.from('\x03'))
  await seen(() => heard() > 4096)
  t.equal(events.at(-1), '\x03', 'and what waited is not wanted any more')
  client.keys(Buffer.alloc(70_000, 'y'))
  await seen(() => heard() > 70_000)
})

t.test('who says what a console does not say is not heard, and who says too much is cut off', async t => {
  const { dir, far } = await setUp(t)
  const { path, release } = controlPath(dir)
  const raw = createConnection(path).once('close', release).resume()
  raw.on('error', () => {})
  raw.write(`{"verb":"console","request":{"columns":-3,"rows":"x","name":"\\u0007${'n'.repeat(300)}"}}\n`)
  const { events } = await far
  raw.write('nonsense\n{"keys":7}\nnull\n[]\n{"ask":"x"}\n{"keys":"eA=="}\n')
  await seen(() => events.length > 0)
  t.same(events, ['x'])
  raw.write(Buffer.alloc(5 * 1024 * 1024, 0x61))
  await new Promise(resolve => raw.once('close', resolve))
  await seen(() => events.includes('closed'))
  t.same(lineOf({ columns: -3, rows: 'x', name: `\x07${'n'.repeat(300)}` }), {
    isPhysical: false,
    name: `?${'n'.repeat(99)}`,
    columns: 80,
    rows: 24,
  })
})

/** A console's connection that nobody reads from yet. */
async function unread(t: Test) {
  const { dir, far } = await setUp(t)
  const { path, release } = controlPath(dir)
  const raw = createConnection(path).once('close', release).pause()
  raw.on('error', () => {})
  raw.write('{"verb":"console","request":{}}\n')
  const { events } = await far
  return { raw, events }
}

t.test('who asks on and on without reading is not answered into memory', async t => {
  const { raw, events } = await unread(t)
  const asked = 200_000
  raw.write('{"ask":1}\n'.repeat(asked))
  raw.write('{"keys":"eA=="}\n')
  await seen(() => events.includes('x'))
  let answers = 0
  raw.on('data', bytes => (answers += bytes.toString().split('alive').length - 1))
  raw.resume().end()
  await new Promise(resolve => raw.once('end', resolve))
  t.ok(answers > 0 && answers < asked / 2, `${answers}`)
})

t.test('whoever types on and on without reading is told what was taken once they read, not piece by piece', async t => {
  const { raw, events } = await unread(t)
  const typed = 200_000
  // NUL: nothing of it waits in a session, so that there is room for ever.
  raw.write('{"keys":"AA=="}\n'.repeat(typed))
  raw.write('{"keys":"eA=="}\n')
  await seen(() => events.at(-1) === 'x')
  let heard = ''
  raw.on('data', bytes => (heard += bytes))
  raw.resume()
  const taken = (): number[] => [...heard.matchAll(/"took":(\d+)/g)].map(([, octets]) => Number(octets))
  const sum = (): number => taken().reduce((all, each) => all + each, 0)
  await seen(() => sum() === typed + 1)
  t.ok(taken().length < typed / 2, `${taken().length}`)
  raw.destroy()
})

t.test('as many consoles as there may be: the next one is told why not', async t => {
  const { dir } = await setUp(t, true)
  t.same(await StreamClient.open(dir, asked), { why: 'enough' })
})
