import type { Arrived, Sent } from './phone-types.ts'
import type { SimulatedAppliance } from './simulated-appliance.ts'
import type { SimulatedPhone } from './simulated-phone.ts'
import type { World } from './world.ts'

export interface PromiseOptions {
  readonly recipient: string
  readonly senders: readonly SimulatedPhone[]
  /** Every phone of the recipient. */
  readonly receivers: readonly SimulatedPhone[]
  /**
   * How many may come again because a connection or an answer was lost before the box saw the receiver's success. What comes
   * again after a crash that found it still on flash, or that took the answer to a message that was forwarded and never kept, is the
   * other half of the named window, and is not counted.
   */
  readonly repeatsMax: number
  /** Nothing may be left waiting. */
  readonly isAllDelivered?: boolean
}

/** What was sent before a crash may arrive so much after it. */
const ON_ITS_WAY_MS = 100

const identity = ({ callId, cseq, fromTag }: Sent | Arrived): string => `${callId} ${cseq} ${fromTag}`

/**
 * What the product promises, checked over a whole run: every message answered 202 was delivered, or waits, or ended with a
 * record; in order of arrival; as it was sent; and once, but for the named window. Gives every breach in words.
 */
export function promiseBreaches(world: World, box: SimulatedAppliance, options: PromiseOptions): string[] {
  const { recipient, senders, receivers, repeatsMax } = options
  const sent = senders.flatMap(phone => phone.sent.filter(({ to }) => to === recipient))
  const accepted = sent.filter(({ status }) => status === 202)
  const taken = receivers.flatMap(phone => phone.phone.inbox.taken).sort((a, b) => a.at - b.at)
  const stories = new Map(sent.map(({ callId }) => [callId, world.ask(box, 'trace', { id: callId, limit: 16 })]))
  const waiting = new Set(
    world.ask(box, 'mailbox', { aor: recipient, afterSeq: 0, limit: 100_000 }).map(({ seq }) => seq),
  )
  const breaches: string[] = []
  const took = new Set(taken.map(identity))
  for (const each of accepted) {
    const ofCall = stories.get(each.callId) ?? []
    const isWaiting = ofCall.some(({ seq }) => waiting.has(seq))
    const isEnded = ofCall.some(({ events }) => events.some(({ event }) => event === 'expired' || event === 'deleted'))
    if (!took.has(identity(each)) && !isWaiting && !isEnded) breaches.push(`lost: ${identity(each)} ${each.body}`)
  }
  for (const { callId, tries, body } of sent) {
    const kept = stories.get(callId)?.length ?? 0
    if (kept > tries) breaches.push(`kept ${kept} times: ${callId} ${body}`)
  }
  if (options.isAllDelivered && waiting.size > 0) breaches.push(`left behind: ${waiting.size}`)
  breaches.push(...strangeOnes(sent, taken), ...repeats(box, taken, stories, repeatsMax), ...disorder(taken, stories))
  return breaches
}

function strangeOnes(sent: readonly Sent[], taken: readonly Arrived[]): string[] {
  const bodies = new Map(sent.map(({ callId, body }) => [callId, body]))
  return taken
    .filter(({ callId, body }) => !bodies.get(callId)?.equals(body))
    .map(({ callId, body }) => `not as it was sent: ${callId} ${body}`)
}

function repeats(
  box: SimulatedAppliance,
  taken: readonly Arrived[],
  stories: ReadonlyMap<string, readonly { seq: number }[]>,
  repeatsMax: number,
): string[] {
  const last = new Map<string, Arrived>()
  const repeated: string[] = []
  for (const each of taken) {
    const before = last.get(identity(each))
    last.set(identity(each), each)
    if (!before) continue
    const seqs = (stories.get(each.callId) ?? []).map(({ seq }) => seq)
    const isInWindow = box.crashLog.some(
      ({ at, waiting }) =>
        at >= before.at - ON_ITS_WAY_MS && at <= each.at && (seqs.length === 0 || seqs.some(seq => waiting.has(seq))),
    )
    if (!isInWindow) repeated.push(`${each.body} as ${before.form} at ${before.at}, as ${each.form} at ${each.at}`)
  }
  return repeated.length > repeatsMax ? [`came again, ${repeatsMax} may: ${repeated.join(', ')}`] : []
}

/** By the sequence in which the store took them; a repetition is judged by its first coming. */
function disorder(taken: readonly Arrived[], stories: ReadonlyMap<string, readonly { seq: number }[]>): string[] {
  const breaches: string[] = []
  const seen = new Set<string>()
  let latest = 0
  for (const each of taken) {
    if (seen.has(identity(each))) continue
    seen.add(identity(each))
    const seqs = (stories.get(each.callId) ?? []).map(({ seq }) => seq)
    const seq = seqs.length === 0 ? undefined : seqs.length === 1 ? seqs[0]! : Math.max(...seqs)
    if (seq === undefined) continue
    if (seq < latest && seqs.length === 1) breaches.push(`out of order: ${seq} after ${latest}`)
    latest = Math.max(latest, seqs.length === 1 ? seq : latest)
  }
  return breaches
}
