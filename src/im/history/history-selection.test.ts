import t from 'tap'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { parseMessage } from '../../sip-parser-lite/parse.ts'
import type { HistoryKind } from '../../store/history.ts'
import { messageKept, sendWritten, sessionOpened } from '../../testing/history-items.ts'
import { ALICE_AOR, accountPut, BOB_AOR } from '../../testing/store-fixtures.ts'
import type { Answer } from '../answers.ts'
import { GivenHistory } from './history-given.fixture.ts'
import { findItems, SelectedItems, type Selection, selectionOf } from './history-selection.ts'

const HISTORY = 'sip:history@example.org'

function inviteTo(uri: string, list?: readonly string[]): SipRequest {
  const entries = list?.map(each => `<entry uri="${each}"/>`).join('')
  const body = list
    ? `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${entries}</list></resource-lists>`
    : ''
  const lines = [
    `INVITE ${uri} SIP/2.0`,
    'Via: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bK1',
    'From: <sip:bob@example.org>;tag=1',
    'To: <sip:history@example.org>',
    'Call-ID: c',
    'CSeq: 1 INVITE',
    ...(list ? ['Content-Type: application/resource-lists+xml'] : []),
    `Content-Length: ${body.length}`,
    '',
    body,
  ]
  return parseMessage(Buffer.from(lines.join('\r\n'), 'latin1')) as SipRequest
}

const selected = (params = '', list?: readonly string[]): Selection => {
  const selection = selectionOf(inviteTo(HISTORY + params, list))
  if ('status' in selection) throw new Error(String(selection.status))
  return selection
}
const refused = (params: string, list?: readonly string[]) =>
  (selectionOf(inviteTo(HISTORY + params, list)) as Answer).status

/** Call-IDs of the items, as they are read; `each` runs after each of them. */
function read(given: GivenHistory, selection: Selection, each: (callId: string) => void = () => {}): string[] {
  const items = new SelectedItems(given.store, BOB_AOR, selection)
  const callIds: string[] = []
  let ended = ''
  while (ended === '')
    items.take(given.now, (_now, found) => {
      if (found.kind !== 'item') ended = found.kind === 'end' ? 'end' : found.why
      else callIds.push(found.item.entry.callId.split('@')[0]!)
      if (found.kind === 'item') each(callIds.at(-1)!)
    })
  return ended === 'end' ? callIds : [...callIds, ended]
}

/** Messages 1 to so many, of which every third is of carol, and a session after them. */
function kept(count: number): GivenHistory {
  const given = new GivenHistory()
  for (let number = 1; number <= count; number++) {
    const peer = number % 3 === 0 ? 'sip:carol@example.org' : ALICE_AOR
    given.model.execute(messageKept(number, { owners: [{ aor: BOB_AOR, role: 'receiver', peer }] }))
  }
  given.session([sendWritten('send', 'text')], sessionOpened(count + 1))
  return given
}

const calls = (...numbers: readonly number[]) => numbers.map(number => `call-${number}`)
const upTo = (from: number, to: number) => calls(...Array.from({ length: to - from + 1 }, (_, at) => from + at))

t.test('docs/protocol.md history: all, by kind, by peer, by time, oldest first over any number of pages', async t => {
  const given = kept(40)
  t.same(read(given, selected()), upTo(1, 41))
  t.same(read(given, selected(';history-type=pager')), upTo(1, 40))
  t.same(read(given, selected(';history-type=session')), calls(41))
  t.same(read(given, selected(';peer=sip:carol%40example.org;until=20300317T174650Z')), calls(3, 6, 9))
  t.same(read(given, selected(';since=2030-03-17T17:47:17Z')), upTo(37, 41))
  t.same(read(given, selected(';peer=anonymous')), [])
})

t.test('docs/protocol.md history: after a reference comes what follows it, be it there any more or not', async t => {
  const given = kept(40)
  const references = given.references()
  const after = (number: number) => `;after=${references[number - 1]!.replace('@', '%40')}`
  t.same(read(given, selected(after(38))), upTo(39, 41))
  t.same(read(given, selected(`${after(38)};history-type=session`)), calls(41))
  given.model.execute({ verb: 'history.remove', aor: BOB_AOR, reference: references[37]! })
  t.same(read(given, selected(after(38))), upTo(39, 41))
  t.same(read(given, selected(after(41))), [])
  t.equal(refused(';after=sip:somebody%40example.org'), 404)
})

t.test(
  'docs/protocol.md history: a list names what is wanted, each once, in its order, with its scheme or without',
  async t => {
    const given = kept(5)
    const [one, two, three] = given.references()
    const selection = selected(';history-type=session', [three!, one!.replace('sip:', ''), three!, two!])
    t.same(read(given, selection), calls(3, 1, 2), 'the parameters count for nothing beside a list')
    const statusOf = (references: readonly string[]) => {
      let found: ReadonlySet<HistoryKind> | Answer | undefined
      findItems(given.now, given.store, BOB_AOR, references, (_now, result) => {
        found = result
      })
      return 'status' in found! ? found.status : [...found!]
    }
    t.same(statusOf([one!, given.references()[5]!]), ['message', 'session'])
    t.equal(statusOf([one!, 'sip:h1-1@box']), 404)
    t.equal(statusOf(['sip:bob@example.org']), 404)
    given.model.execute(accountPut(ALICE_AOR))
    given.model.execute(messageKept(9, { owners: [{ aor: ALICE_AOR, role: 'sender', peer: BOB_AOR }] }))
    const request = { verb: 'history.list', aor: ALICE_AOR, filter: {}, order: 'oldest', limit: 1 } as const
    const [hers] = given.model.execute(request).entries
    t.equal(statusOf([hers!.reference]), 404, 'nobody learns what others have')
    given.failure = 'busy'
    t.equal(statusOf([one!]), 503)
  },
)

t.test(
  'docs/protocol.md history: 400 for what cannot be read, so that nobody gets other messages than meant',
  async t => {
    for (const params of [
      ';history-type=chat',
      ';since=yesterday',
      ';until=2030-13-01T00:00:00Z',
      ';peer=sip:%5b',
      ';after=1234',
    ])
      t.equal(refused(params), 400, params)
    t.equal(refused('', []), 400)
    t.equal(
      refused(
        '',
        Array.from({ length: 501 }, (_, at) => `sip:h${at}-1@box`),
      ),
      413,
    )
  },
)

t.test('what vanishes while it is read is passed over, what is being recorded comes when it is whole', async t => {
  const given = kept(40)
  const references = given.references()
  given.model.execute(sessionOpened(50))
  const gone = calls(2, 20, 41)
  const all = read(given, selected(), call => {
    if (call === 'call-1')
      for (const each of [2, 20, 41])
        given.model.execute({ verb: 'history.remove', aor: BOB_AOR, reference: references[each - 1]! })
  })
  t.same(
    all,
    upTo(1, 41).filter(call => !gone.includes(call)),
  )
  given.failure = 'busy'
  t.same(read(given, selected()), ['storage: too many'])
})
