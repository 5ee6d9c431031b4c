import fc from 'fast-check'
import t from 'tap'
import { headerOf } from '../testing/session-wire.ts'
import { SubscriberWire } from '../testing/subscriber-wire.ts'

const HEADERS = ['Contact', 'Record-Route', 'Event', 'Expires', 'Accept', 'Require', 'Route', 'Supported']
const VALUES = [
  '',
  '*',
  '*/*',
  '<sip:a',
  '<sip:a@b>',
  '<sip:p;lr>',
  'weather',
  'weather;id=1',
  ';;',
  '"',
  '0',
  '60',
  '-1',
  '4294967296',
  ', ,',
]
const header = fc
  .tuple(fc.constantFrom(...HEADERS), fc.oneof(fc.constantFrom(...VALUES), fc.string({ maxLength: 30 })))
  .map(([name, value]) => `${name}: ${value.replace(/[^\x20-\x7e]/g, '?')}`)
const step = fc.oneof(
  fc.record({
    kind: fc.constant('ask' as const),
    method: fc.constantFrom('SUBSCRIBE', 'SUBSCRIBE', 'SUBSCRIBE', 'NOTIFY', 'BYE', 'OPTIONS', 'X'),
    isInDialog: fc.boolean(),
    headers: fc.array(header, { maxLength: 3 }),
    expires: fc.constantFrom(0, 60, 600, 'x'),
    seq: fc.constantFrom(undefined, 0, 1, 2, 99),
    contact: fc.constantFrom('', '<sip:alice@192.0.2.10:5070>', '<sip:x'),
  }),
  fc.record({
    kind: fc.constant('answer' as const),
    status: fc.constantFrom(100, 200, 202, 302, 401, 408, 481, 486, 500, 503),
    headers: fc.array(
      fc.constantFrom('Retry-After: 5', 'Retry-After: x', 'Contact: <sip:b@192.0.2.10>', 'Contact: *'),
      {
        maxLength: 2,
      },
    ),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 33_000, 100_000, 900_000) }),
  fc.constantFrom({ kind: 'change' as const }, { kind: 'approve' as const }, { kind: 'end' as const }),
)

t.test(
  'whatever the subscriber says, one NOTIFY is under way at a time, numbers rise, and in the end nothing is left',
  async t => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), fc.boolean(), (steps, isPending) => {
        const peer = new SubscriberWire({ package: { changeIntervalMs: 700 } })
        if (isPending) peer.decision = 'pending'
        let toTag = ''
        const last = new Map<string, { seq: number; text: string; isOpen: boolean }>()
        let isSound = true
        const look = (): void => {
          for (const text of peer.texts()) {
            if (text.startsWith('SIP/2.0 200')) toTag = /;tag=(\S+)/.exec(headerOf(text, 'To')!)?.[1] ?? toTag
            if (!text.startsWith('NOTIFY')) continue
            const dialog = `${headerOf(text, 'Call-ID')} ${headerOf(text, 'From')}`
            const seq = Number.parseInt(headerOf(text, 'CSeq')!, 10)
            const before = last.get(dialog)
            if (before && seq > before.seq && before.isOpen) isSound = false
            if (before && seq < before.seq) isSound = false
            last.set(dialog, { seq, text, isOpen: true })
          }
        }
        for (const each of steps) {
          if (each.kind === 'ask')
            peer.ask({ ...each, ...(each.isInDialog && { toTag }), seq: each.seq ?? 10, callId: 'fuzz' } as never)
          else if (each.kind === 'answer') {
            for (const sent of last.values()) {
              if (each.status >= 200) sent.isOpen = false
              peer.reply(sent.text, each.status, each.headers)
            }
          } else if (each.kind === 'wait') {
            if (each.ms > 32_000) for (const sent of last.values()) sent.isOpen = false
            peer.pass(each.ms)
          } else if (each.kind === 'change') peer.change()
          else if (each.kind === 'approve')
            peer.subscriptions.approve(peer.wire.now, 'weather', 'sip:bob@example.org', peer.subscriber)
          else peer.subscriptions.end(peer.wire.now, 'weather', 'sip:bob@example.org', { reason: 'noresource' })
          look()
        }
        for (let rest = 0; rest < 10; rest++) peer.pass(1_000_000)
        return isSound && peer.wire.running === '' && peer.subscriptions.describe().total === 0 && peer.kept.size === 0
      }),
      { seed: 20_260, numRuns: 300 },
    )
    t.pass('300 conversations')
  },
)
