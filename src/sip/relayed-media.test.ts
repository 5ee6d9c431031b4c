import t from 'tap'
import { value } from '../sip-parser-lite/access.ts'
import type { SipMessage } from '../sip-parser-lite/message.ts'
import { DESK, POCKET, RelayWire } from '../testing/relay-wire.ts'
import type { RelayedMedia } from './relay-types.ts'

const nameOf = (message: SipMessage): string =>
  message.kind === 'request' ? message.method : `${message.status} ${value(message, 'cseq')?.split(' ')[1]}`

/** Writes down what it is told, and marks what passes. */
class Notes implements RelayedMedia {
  readonly lines: string[] = []
  /** Tags whose 2xx may not go on. */
  readonly refused = new Set<string>()
  #branches = 0

  branch(): ReturnType<RelayedMedia['branch']> {
    const name = ['desk', 'pocket'][this.#branches++]
    return {
      pass: (_now, message, from, tag, request) => {
        const answered = request ? ` to ${request.method}` : ''
        this.lines.push(`${name}: ${nameOf(message)}${answered} from ${from} ${tag ?? '-'}`)
        message.body = Buffer.from(`marked ${this.lines.length}`)
      },
      takes: tag => !this.refused.has(tag),
      ended: (_now, tag, why) => this.lines.push(`${name}: ended ${tag} ${why}`),
      failed: () => this.lines.push(`${name}: failed`),
    }
  }

  take(): string[] {
    return this.lines.splice(0)
  }
}

const BOB = ['Contact: <sip:bob@192.0.2.21:5060>']

t.test('all that passes in a call passes by who has a part in its media, and goes on as they have made it', async t => {
  const media = new Notes()
  const relay = new RelayWire({ media })
  const [desk, pocket] = relay.ring()
  t.same(media.take(), ['desk: INVITE from caller -', 'pocket: INVITE from caller -'])
  t.match([desk, pocket], [/\r\n\r\nmarked 1$/, /\r\n\r\nmarked 2$/], 'each phone has its own')
  relay.reply(desk!, 100)
  relay.reply(desk!, 183, { headers: BOB })
  relay.reply(pocket!, 180, { toTag: 'pocket', flow: POCKET })
  t.same(media.take(), [
    'desk: 183 INVITE to INVITE from callee desk',
    'pocket: 180 INVITE to INVITE from callee pocket',
  ])
  relay.texts()
  relay.reply(desk!, 200, { headers: BOB })
  const ok = relay.texts().find(each => each.startsWith('SIP/2.0 200'))!
  t.match(ok, /\r\n\r\nmarked 1$/)
  relay.reply(pocket!, 487, { toTag: 'pocket', flow: POCKET })
  t.same(media.take(), ['desk: 200 INVITE to INVITE from callee desk', 'pocket: failed'])
})

t.test('requests within the dialog, their answers and the ACK too; the BYE ends it, and only once', async t => {
  const media = new Notes()
  const relay = new RelayWire({ media, targets: [{ uri: 'sip:bob@192.0.2.21:5060', routes: [], to: DESK }] })
  const { toDesk, toAlice } = relay.confirm()
  t.same(media.take().at(-1), 'desk: ACK from caller desk')
  const headers = toDesk.map(route => `Route: ${route}`)
  relay.send('INVITE', { toTag: 'desk', uri: 'sip:bob@192.0.2.21:5060', headers, branch: 'z9hG4bKagain' })
  const [again] = relay.texts().filter(each => each.startsWith('INVITE'))
  relay.reply(again!, 488)
  const back = toAlice.map(route => `Route: ${route}`)
  relay.send('UPDATE', { flow: DESK, fromTag: 'desk', toTag: 'a1', uri: 'sip:alice@10.0.0.7:5070', headers: back })
  const [update] = relay.texts().filter(each => each.startsWith('UPDATE'))
  relay.reply(update!, 200)
  t.same(media.take(), [
    'desk: INVITE from caller desk',
    'desk: 488 INVITE to INVITE from callee desk',
    'desk: UPDATE from callee desk',
    'desk: 200 UPDATE to UPDATE from caller desk',
  ])
  for (const branch of ['z9hG4bKbye1', 'z9hG4bKbye2']) {
    relay.send('BYE', { toTag: 'desk', uri: 'sip:bob@192.0.2.21:5060', headers, branch })
    const [bye] = relay.texts().filter(each => each.startsWith('BYE'))
    relay.reply(bye!, 200)
  }
  t.same(media.take(), [
    'desk: BYE from caller desk',
    'desk: 200 BYE to BYE from callee desk',
    'desk: ended desk bye',
    'desk: BYE from caller desk',
    'desk: 200 BYE to BYE from callee desk',
  ])
  relay.pass(200_000)
  t.same(media.take(), [])
})

t.test('CANCEL, silence and a dialog that nobody ends are told as well', async t => {
  const cancelled = new Notes()
  const one = new RelayWire({ media: cancelled })
  const [desk] = one.ring()
  one.reply(desk!, 180)
  one.cancel()
  one.reply(desk!, 487)
  one.pass(10_000)
  t.same(cancelled.take().slice(3).sort(), ['desk: failed', 'pocket: failed'])

  const unanswered = new Notes()
  const two = new RelayWire({ media: unanswered, limitMs: 10_000 })
  two.ring()
  two.pass(20_000)
  t.same(unanswered.take().slice(2), ['desk: failed', 'pocket: failed'])

  const forgotten = new Notes()
  const three = new RelayWire({ media: forgotten })
  three.confirm()
  forgotten.take()
  three.pass(25 * 3600 * 1000)
  t.same(forgotten.take(), ['pocket: failed', 'desk: ended desk silence'])
})

t.test(
  'a 2xx for whose media there is no way gets its ACK and BYE from here, and the caller never hears of it',
  async t => {
    const media = new Notes()
    media.refused.add('second')
    const relay = new RelayWire({ media })
    const [desk] = relay.ring()
    relay.reply(desk!, 200, { headers: BOB })
    relay.texts()
    media.take()
    for (const isAgain of [false, true]) {
      relay.reply(desk!, 200, { toTag: 'second', headers: ['Contact: <sip:bob@192.0.2.21:5077>'] })
      const sent = relay.texts()
      t.same(
        sent.map(text => /^\S+ \S+/.exec(text)![0]),
        isAgain ? ['ACK sip:bob@192.0.2.21:5077'] : ['ACK sip:bob@192.0.2.21:5077', 'BYE sip:bob@192.0.2.21:5077'],
      )
      t.ok(sent.every(text => /^To: .*;tag=second\r$/m.test(text)))
    }
    t.same(media.take(), [])
    relay.reply(desk!, 200, { headers: BOB })
    t.match(relay.texts(), [/^SIP\/2\.0 200/], 'the first one still comes through')
  },
)
