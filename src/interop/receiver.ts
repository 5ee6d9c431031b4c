import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** What the receiving process is told, as JSON in its only argument. */
export interface ReceiverOptions {
  readonly user: string
  readonly transport: 'udp' | 'tcp'
  readonly boxPort: number
  readonly address: '127.0.0.1' | '::1'
  /** `a=setup` of its answer: who connects. */
  readonly setup: 'active' | 'passive'
  /** So many messages, and it ends. */
  readonly count: number
}

/** What it prints, one line of JSON for each message; octets as base64. */
export interface Report {
  readonly form: string
  readonly contentType: string
  readonly callId: string
  readonly innerType: string | undefined
  readonly body: string
  readonly wire: string
}

const WAIT_MS = 30_000

/** A phone with `+g.oma.sip-im` as a program: registers, is pushed its messages over MSRP, reports them, and ends. */
async function receive(options: ReceiverOptions): Promise<void> {
  const { count, setup } = options
  const receiver = await RealPhone.open(options)
  receiver.phone.behaviour.invite = () => ({ status: 200, setup })
  const status = await receiver.register({ isInstantMessaging: true })
  if (status !== 200) throw new Error(`REGISTER answered ${status}`)
  const { inbox } = receiver
  await until(`${count} messages`, WAIT_MS, () => inbox.taken.length >= count)
  await until('the end of the call', WAIT_MS, () => inbox.calls.every(({ ended }) => ended === 'bye'))
  for (const { form, contentType, callId, request, body, wire } of inbox.taken) {
    const innerType = request?.headers.find(({ key }) => key === 'content-type')?.value
    const octets = { body: body.toString('base64'), wire: wire.toString('base64') }
    const report: Report = { form, contentType, callId, innerType, ...octets }
    process.stdout.write(`${JSON.stringify(report)}\n`)
  }
  await receiver.close()
}

if (process.argv[1] === import.meta.filename) await receive(JSON.parse(process.argv[2]!))
