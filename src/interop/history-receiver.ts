import { HISTORY, HistoryInbox } from '../testing/history-inbox.ts'
import { LargeCall } from '../testing/large-call.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** What the process is told, as JSON in its only argument. */
export interface HistoryReceiverOptions {
  readonly user: string
  readonly transport: 'udp' | 'tcp'
  readonly boxPort: number
  readonly address: '127.0.0.1' | '::1'
  /** `a=setup` of its offer: who connects. */
  readonly setup: 'active' | 'passive' | 'actpass'
  /** So many items, and it vanishes without a word. */
  readonly leavesAfter?: number
  readonly after?: string
}

/** What it prints, one line of JSON for each item; octets as base64. */
export interface GivenReport {
  readonly reference: string
  readonly parts: readonly { readonly type: string; readonly body: string }[]
  readonly sends: readonly { readonly fields: string; readonly body: string; readonly flag: string }[]
}

const WAIT_MS = 30_000

/** A phone as a program that asks for its history over MSRP, prints what it was given, and ends. */
async function receive(options: HistoryReceiverOptions): Promise<void> {
  const { setup, after, leavesAfter = Number.POSITIVE_INFINITY } = options
  const receiver = await RealPhone.open(options)
  const inbox = new HistoryInbox(receiver)
  const to = after === undefined ? HISTORY : `${HISTORY};after=${encodeURIComponent(after)}`
  const wish = { to, fetches: 'all', acceptContact: '*;+g.oma.sip-im', setup } as const
  const call = receiver.act(now => new LargeCall(receiver.phone, now, wish))!
  await until('an answer', WAIT_MS, () => call.status)
  if (call.status !== 200) throw new Error(`INVITE answered ${call.status}`)
  await until('the end', WAIT_MS, () => call.ended === 'bye' || inbox.items.length >= leavesAfter)
  for (const { reference, parts, sends } of inbox.items) {
    const report: GivenReport = {
      reference,
      parts: parts.map(({ type, body }) => ({ type, body: body.toString('base64') })),
      sends: sends.map(({ head, body, flag }) => ({
        fields: head.fields.map(({ name, value }) => `${name}: ${value}`).join('\n'),
        body: body.toString('base64'),
        flag,
      })),
    }
    process.stdout.write(`${JSON.stringify(report)}\n`)
  }
  await receiver.close()
}

if (process.argv[1] === import.meta.filename) await receive(JSON.parse(process.argv[2]!))
