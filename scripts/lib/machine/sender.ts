import { RealPhone } from '../../../src/interop/real-phone.ts'
import type { Trial } from './trial.ts'

const BOB = 'sip:bob@example.org'

/** What alice was told about messages for bob, who is away. */
export interface Told {
  readonly callId: string
  readonly status: number
}

/** Sends `count` messages one after another. */
export async function send(trial: Trial, count: number): Promise<Told[]> {
  const phone = await RealPhone.open({ user: 'alice', transport: 'tcp', boxPort: trial.ports.sip })
  const told: Told[] = []
  for (let at = 0; at < count; at++) {
    const { callId, status = 0 } = await phone.message({ to: BOB, body: `Message ${at}` })
    told.push({ callId, status })
  }
  await phone.close()
  return told
}

/** Sends all the time, some at once, until `stop`. */
export class Writer {
  readonly kept: string[] = []
  readonly #phone: RealPhone
  #isOver = false

  private constructor(phone: RealPhone, lanes: number) {
    this.#phone = phone
    for (let lane = 0; lane < lanes; lane++) void this.#write()
  }

  static async start(trial: Trial, lanes = 8): Promise<Writer> {
    return new Writer(await RealPhone.open({ user: 'alice', transport: 'tcp', boxPort: trial.ports.sip }), lanes)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#phone.close()
  }

  async #write(): Promise<void> {
    try {
      while (!this.#isOver) {
        const { status, callId } = await this.#phone.message({ to: BOB, body: `Message ${this.kept.length}` })
        if (status === 202 && !this.#isOver) this.kept.push(callId)
      }
    } catch {
      // No answer: the machine was switched off.
    }
  }
}

/** Of these Call-IDs, those that no message waits with. */
export async function missing(trial: Trial, callIds: readonly string[]): Promise<string[]> {
  const lost: string[] = []
  for (const callId of callIds) {
    const { messages } = await trial.api(`/api/v1/queue?id=${encodeURIComponent(callId)}`)
    const [story] = messages as { events: { event: string }[] }[]
    if (story?.events.at(-1)?.event !== 'stored') lost.push(`${callId}: ${JSON.stringify(story?.events)}`)
  }
  return lost
}
