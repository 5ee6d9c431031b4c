import t from 'tap'
import { FIXED_CHUNK_BYTES_MAX } from './limits.ts'
import { type FrameParts, frameTo, PeerTrial, REMOTE, statusesIn } from './peer.fixture.ts'
import { headersIn } from './simulated.fixture.ts'

const MIB = 1024 * 1024

t.test(
  'RFC 4975 9: ranges that are none get 400, those that no number counts 423, and nothing else suffers',
  async t => {
    const wrong: [range: string, status: string][] = [
      ['0-5/5', '400'],
      ['0-0/0', '400'],
      ['5-3/5', '400'],
      ['1-6/5', '400'],
      ['7-*/5', '400'],
      ['-1-5/5', '400'],
      ['1--5/5', '400'],
      ['1-5/-5', '400'],
      ['+1-5/5', '400'],
      ['1.0-5/5', '400'],
      ['0x1-5/5', '400'],
      ['1-5', '400'],
      ['1-5/', '400'],
      ['*-5/5', '400'],
      ['1-5/5\nByte-Range: 1-5/5', '400'],
      ['1-5/9007199254740993', '423'],
      ['9007199254740993-*/*', '423'],
      [`1-${'9'.repeat(400)}/*`, '423'],
      [`1-5/${'9'.repeat(4000)}`, '423'],
    ]
    for (const [range, status] of wrong) {
      const trial = new PeerTrial()
      t.strictSame(trial.statuses({ range, body: 'hello' }), [status], range.slice(0, 40))
      t.equal(trial.side.counters.get('msrp_malformed', status === '423' ? 'range' : 'header'), 1, range.slice(0, 40))
      t.strictSame(trial.bodies(), [])
      t.ok(trial.isOtherServed())
    }
  },
)

t.test('RFC 4975 5.1: a start beyond what is kept is 413, not memory', async t => {
  const trial = new PeerTrial()
  for (const range of ['9007199254740991-*/*', '1000000000000-*/*', `${MIB + 2}-*/*`])
    t.strictSame(trial.statuses({ range, body: 'x', messageId: `m${range.length}` }), ['413'], range)
  t.match(trial.side.endpoint.describe(), { assemblyBytesLeft: 32 * MIB })
  t.ok(trial.isOtherServed())
})

t.test('lying totals and ends: more octets than said, totals that differ, octets behind the end', async t => {
  const trials: [what: string, statuses: string[], ...frames: FrameParts[]][] = [
    ['more than the end', ['400'], { range: '1-3/9', body: 'hello' }],
    ['more than the total', ['400'], { range: '1-*/3', body: 'hello' }],
    ['an empty range with a body', ['400'], { range: '1-0/0', body: 'hello' }],
    [
      'another total',
      ['200', '400'],
      { range: '1-3/9', body: 'abc', flag: '+' },
      { range: '4-6/10', body: 'def', flag: '+' },
    ],
    [
      'a total before what is there',
      ['200', '400'],
      { range: '1-3/*', body: 'abc', flag: '+' },
      { range: '1-1/2', body: 'x', flag: '+' },
    ],
    [
      'past the total of another chunk',
      ['200', '400'],
      { range: '1-3/4', body: 'abc', flag: '+' },
      { range: '4-*/*', body: 'de', flag: '$' },
    ],
    [
      'behind the $',
      ['200', '400'],
      { range: '3-4/*', body: 'de', flag: '$' },
      { range: '5-6/*', body: 'fg', flag: '+' },
    ],
    [
      'a $ before what is there',
      ['200', '400'],
      { range: '5-6/*', body: 'fg', flag: '+' },
      { range: '1-2/*', body: 'ab', flag: '$' },
    ],
    ['a nearer end', ['200', '400'], { range: '11-10/*', body: '' }, { range: '1-5/*', body: 'hello' }],
    ['two ends', ['200', '400'], { range: '3-4/*', body: 'de', flag: '$' }, { range: '3-3/*', body: 'd', flag: '$' }],
  ]
  for (const [what, statuses, ...frames] of trials) {
    const trial = new PeerTrial()
    t.strictSame(trial.statuses(...frames), statuses, what)
    t.strictSame(trial.bodies(), [], what)
    t.match(trial.side.endpoint.describe(), { assemblyBytesLeft: 32 * MIB }, what)
    t.ok(trial.isOtherServed(), what)
    t.strictSame(trial.statuses({ messageId: 'next', range: '1-5/5', body: 'right' }), ['200'], what)
  }
})

t.test('RFC 4975 5.1: the chunk with $ sets the length, also before the total that was said', async t => {
  const trial = new PeerTrial()
  t.strictSame(trial.statuses({ range: '1-20/20', body: 'short' }), ['200'])
  t.strictSame(trial.bodies(), ['short'])
})

t.test('chunks that follow one with too many octets are refused too, until the last', async t => {
  const trial = new PeerTrial()
  const rest: FrameParts = { range: '6-8/8', body: 'fgh', flag: '+' }
  t.strictSame(trial.statuses({ range: '1-3/8', body: 'abcde', flag: '+' }, rest, { ...rest, flag: '$' }), [
    '400',
    '400',
    '400',
  ])
  t.strictSame(trial.statuses({ range: '1-3/3', body: 'new' }), ['200'], 'the id is free again')
  t.strictSame(trial.bodies(), ['new'])
})

t.test('RFC 4975 9: end-lines that are none are body, or header lines', async t => {
  for (const end of [
    '-------tran2$',
    '-------tran1',
    '-------tran1*',
    '------tran1$',
    '-------TRAN1$',
    '-------tran1$ ',
  ]) {
    const trial = new PeerTrial()
    t.equal(trial.say(frameTo(trial.path, { body: 'abc', end: `\n${end}\n` })), '', 'nothing has ended')
    t.strictSame(statusesIn(trial.say('more\r\n-------tran1$\r\n')), ['200'])
    t.strictSame(trial.bodies(), [`abc\r\n${end}\r\nmore`])
    const bodiless = new PeerTrial()
    bodiless.say(frameTo(bodiless.path, { end: `${end}\n` }))
    t.strictSame(statusesIn(bodiless.say('-------tran1$\r\n')), ['400'], 'a header without colon')
    t.ok(bodiless.isOtherServed())
  }
})

t.test('a lost end-line swallows the next frame: refused by its Byte-Range, and 64 KiB further hung up on', async t => {
  const trial = new PeerTrial()
  const next = { id: 'tran2', messageId: 'mess2', range: '1-3/3', body: 'def' }
  const lost = frameTo(trial.path, { range: '1-3/3', body: 'abc', end: '\n-------tram1$\n' })
  t.equal(trial.say(lost, frameTo(trial.path, next)), '')
  t.strictSame(trial.bodies(), [])
  t.strictSame(statusesIn(trial.say('\r\n-------tran1$\r\n')), ['400'])
  t.ok(trial.isOtherServed())
  let heard = trial.say(lost)
  for (let i = 0; i < 40 && trial.isOpen; i++)
    heard += trial.say(frameTo(trial.path, { ...next, body: 'x'.repeat(2000) }))
  t.strictSame([statusesIn(heard), trial.isOpen], [['400'], false])
  t.equal(trial.side.counters.get('msrp_malformed', 'no end-line'), 1)
  t.strictSame(trial.bodies(), [])
})

t.test('RFC 4975 7.3: a To-Path that is not ours is 481 and its body nobody’s', async t => {
  const trial = new PeerTrial()
  for (const path of [
    'msrp://192.0.2.1:2855/nobody;tcp',
    'msrp://192.0.2.1:2855;tcp',
    `${REMOTE} ${trial.path}`,
    `${trial.path} ${REMOTE}`,
    `${trial.path.toUpperCase()}`,
    'sip:alice@example.org',
    '*',
    '../../etc/passwd',
  ]) {
    const heard = trial.say(frameTo(path, { range: '1-5/5', body: 'hello' }))
    t.strictSame(statusesIn(heard), ['481'], path)
  }
  t.strictSame([trial.bodies(), trial.isOpen], [[], true])
  t.ok(trial.isOtherServed())
})

t.test(
  'RFC 4975 10.9: methods that we do not know are 501, whatever they carry; in small letters it is not MSRP',
  async t => {
    const trial = new PeerTrial()
    for (const method of ['AUTH', 'NICKNAME', 'X', 'SENDSENDSENDSENDSENDSENDSENDSEND']) {
      t.strictSame(trial.statuses({ method }), ['501'], method)
      t.strictSame(trial.statuses({ method, body: 'x'.repeat(5000), range: '1-5000/5000' }), ['501'], method)
    }
    t.ok(trial.isOtherServed())
    t.equal(trial.say(frameTo(trial.path, { method: 'send' })), '')
    t.notOk(trial.isOpen)
    t.equal(trial.side.counters.get('msrp_malformed', 'start line'), 1)
  },
)

t.test('header bombs: too many, too long, repeated paths, and bytes that are no text', async t => {
  const bombs: [why: string, lines: string][] = [
    ['too many headers', 'X: y\n'.repeat(200)],
    ['head too long', `X: ${'y'.repeat(20_000)}`],
    ['path', `To-Path: ${REMOTE}`],
    ['path', `To-Path: ${'msrp://a/b;tcp '.repeat(100)}`],
  ]
  for (const [why, lines] of bombs) {
    const trial = new PeerTrial()
    trial.say(frameTo(trial.path, { lines, body: 'x' }))
    t.notOk(trial.isOpen, why)
    t.equal(trial.side.counters.get('msrp_malformed', why), 1, why)
    t.match(trial.owner.closed, [/malformed/])
  }
  const trial = new PeerTrial()
  t.strictSame(trial.statuses({ lines: 'X-Nul: \x00\x01\xff\nFrom : x', body: 'fine' }), ['200'])
  t.strictSame(trial.bodies(), ['fine'])
})

t.test('8 MiB without a line break: closed after 16 KiB of a head', async t => {
  const trial = new PeerTrial()
  let given = 0
  for (const start = Buffer.from('MSRP tran1 SEND\r\nTo-Path: '); trial.isOpen && given < 8 * MIB; given += 65_536)
    trial.say(given === 0 ? start : Buffer.alloc(65_536, 'x'))
  t.ok(given <= 3 * 65_536, `${given}`)
  t.equal(trial.side.counters.get('msrp_malformed', 'head too long'), 1)
})

t.test(
  'RFC 4975 10.5: 8 MiB without an end-line: a REPORT says 413 as soon as it is too much, the response follows',
  async t => {
    const trial = new PeerTrial()
    trial.say(frameTo(trial.path, { range: '1-*/*', body: '', end: '' }))
    let heard = ''
    let toldAfter = 0
    for (let given = 0; given < 8 * MIB; given += 65_536) {
      heard += trial.say(Buffer.alloc(65_536))
      if (heard === '') toldAfter = given + 65_536
    }
    t.equal(toldAfter, MIB, 'as much as a message may have')
    t.strictSame([statusesIn(heard), headersIn(heard, 'Status')], [[], ['000 413 Stop Sending Message']])
    t.strictSame(headersIn(heard, 'Byte-Range'), [`1-${MIB + 65_536}/*`])
    t.strictSame(statusesIn(trial.say('\r\n-------tran1+\r\n')), ['413'])
    t.match(trial.side.endpoint.describe(), { assemblyBytesLeft: 32 * MIB })
    t.strictSame(trial.statuses({ range: `${8 * MIB + 1}-*/*`, body: 'more', flag: '#' }), ['413'])
    t.ok(trial.isOtherServed())
  },
)

t.test(
  'RFC 4975 10.5: one REPORT per refused message, none for short chunks or where silence was asked for',
  async t => {
    const reports = (trial: PeerTrial, parts: FrameParts) => {
      const whole = frameTo(trial.path, { ...parts, body: Buffer.alloc(5000) })
      return headersIn(trial.say(whole.subarray(0, 3000), whole.subarray(3000)), 'Status').length
    }
    const limits = { messageBytes: 1000 }
    const trial = new PeerTrial(limits)
    t.equal(reports(trial, { range: '1-*/*', flag: '+' }), 1)
    t.equal(reports(trial, { range: '5001-*/*', flag: '+' }), 0, 'the same message')
    t.equal(reports(trial, { range: '1-*/*', messageId: 'mess2', lines: 'Failure-Report: no' }), 0)
    t.equal(reports(trial, { range: '1-*/*', messageId: 'mess3', lines: 'Failure-Report: partial' }), 1)
    const short = frameTo(trial.path, { range: '1-2000/2000', messageId: 'mess4', body: Buffer.alloc(2000) })
    const heard = trial.say(short.subarray(0, 1500), short.subarray(1500))
    t.ok(short.length < 2000 + FIXED_CHUNK_BYTES_MAX)
    t.strictSame([statusesIn(heard), headersIn(heard, 'Status')], [['413'], []])
  },
)

t.test('an ident in a body: whole messages with other ids, our own as look-alike, NULs, all octets', async t => {
  const trial = new PeerTrial()
  const inside = frameTo(trial.path, { id: 'inner1', body: 'a message in a message' }).toString('latin1')
  const answer = `MSRP tran1 200 OK\r\nTo-Path: ${trial.path}\r\nFrom-Path: ${REMOTE}\r\n-------tran1`
  const octets = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1')
  const bodies = [
    inside,
    `${inside}${inside}`,
    `${answer}$x\r\n-------tran1`,
    '-------tran1$\r',
    '\r\n-------tran1!\r\n',
    '\r\n-------tran1$\n',
    '\r\n-------tran1$\r',
    '\r\n-------tran1$\rx\n',
    '\n-------tran1$\r\n',
    '\r-------tran1$\r\n',
    '\r\n------tran1$\r\n',
    '\r\n-------tran1%$\r\n',
    '\r\n\r\n-------tran1',
    octets.repeat(20),
    '\0'.repeat(5000),
  ]
  for (const [i, body] of bodies.entries()) {
    const wire = frameTo(trial.path, { messageId: `mess${i}`, body: Buffer.from(body, 'latin1') })
    t.strictSame(statusesIn(trial.say(wire)), ['200'], `whole ${i}`)
    t.equal(trial.bodies().at(-1) === body, true, `whole ${i}`)
  }
  t.ok(trial.isOtherServed())
})

t.test('RFC 4975 9: look-alikes of the end-line come through, cut between any two octets', async t => {
  const body = 'a\r\n-------tran1\r\n-------tran1$x\r\n-------tran1#\r-------tran1+\r\n-------tran'
  const differing: string[] = []
  for (const flag of ['$', '+', '#']) {
    const wire = frameTo('PATH', { body, flag }).toString('latin1')
    for (let at = 1; at < wire.length; at++) {
      const trial = new PeerTrial()
      const [from, to] = [wire.slice(0, at), wire.slice(at)].map(each =>
        Buffer.from(each.replace('PATH', trial.path), 'latin1'),
      )
      if (at > wire.indexOf('PATH') && at < wire.indexOf('PATH') + 4) continue
      const statuses = statusesIn(trial.say(from!, to!))
      const expected = flag === '$' ? [body] : []
      if (statuses.join() !== '200' || trial.bodies().join() !== expected.join()) differing.push(`${flag} ${at}`)
    }
  }
  t.strictSame(differing, [])
})

t.test('responses and reports to nobody change nothing', async t => {
  const trial = new PeerTrial()
  const answer = `MSRP nobody 200 OK\nTo-Path: ${trial.path}\nFrom-Path: ${REMOTE}\n-------nobody$\n`
  t.equal(trial.say(answer.repeat(1000)), '')
  t.equal(trial.side.counters.get('msrp_stray_response'), 1000)
  t.equal(trial.say(answer.replace('200 OK', '999').replace('-------', '\n\0body\n-------')), '')
  for (const lines of ['Status: 000 200 OK', 'Status: 000 413', 'Status: nonsense', 'X: y'])
    t.strictSame(trial.statuses({ method: 'REPORT', lines, range: '1-5/5' }), [])
  t.ok(trial.isOpen)
  t.ok(trial.isOtherServed())
})

t.test(
  'RFC 4975 7.2: an answer goes one hop back, an answer to another method and a report the whole path',
  async t => {
    const trial = new PeerTrial()
    const from = `msrp://relay2.example.net:1;tcp msrp://relay1.example.net:2;tcp ${REMOTE}`
    const sent = trial.say(frameTo(trial.path, { from, body: 'x', lines: 'Success-Report: yes' }))
    t.strictSame(headersIn(sent, 'To-Path'), ['msrp://relay2.example.net:1;tcp', from])
    t.strictSame(headersIn(sent, 'From-Path'), [trial.path, trial.path])
    t.strictSame(headersIn(trial.say(frameTo(trial.path, { from, method: 'AUTH' })), 'To-Path'), [from])
  },
)
