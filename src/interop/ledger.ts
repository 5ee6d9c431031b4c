import type { Arrived } from '../testing/phone-types.ts'
import type { Written } from './load.ts'

/** What every recipient got, held against what was written, accepted and killed in between. */
export interface Books {
  readonly written: readonly Written[]
  /** By user, in order of arrival: what the phone answered with success. */
  readonly taken: ReadonlyMap<string, readonly Arrived[]>
  readonly kills: readonly Kill[]
}

/** Monotonic ms. What the box wrote before its end may be read by its peers until the next one starts. */
export interface Kill {
  readonly at: number
  readonly nextStartAt: number
}

export interface Repetition {
  readonly user: string
  readonly body: string
  readonly firstAt: number
  readonly againAt: number
  /** The kill between the two; undefined where there was none, which must not be. */
  readonly kill: Kill | undefined
}

const textOf = (arrived: Arrived): string => arrived.body.toString('latin1')
const identityOf = (arrived: Arrived): string => `${arrived.callId} ${arrived.cseq} ${arrived.fromTag}`

export function missing({ written, taken }: Books): string[] {
  const got = new Map([...taken].map(([user, all]) => [user, new Set(all.map(textOf))]))
  return written
    .filter(({ acceptedAt, to, body }) => acceptedAt !== undefined && !got.get(to)?.has(body))
    .map(({ body }) => body)
}

export function invented({ written, taken }: Books): string[] {
  const known = new Map(written.map(each => [each.body, each.to]))
  return [...taken].flatMap(([user, all]) => all.map(textOf).filter(body => known.get(body) !== user))
}

/** Pairs in the wrong order: the one that came later had been accepted before the other was even sent. */
export function disordered({ written, taken }: Books): string[] {
  const byBody = new Map(written.map(each => [each.body, each]))
  const wrong: string[] = []
  for (const all of taken.values()) {
    const order = [...new Set(all.map(textOf))].flatMap(body => byBody.get(body) ?? [])
    let earliest: Written | undefined
    for (const each of order.reverse()) {
      if (earliest && earliest.acceptedAt! < each.sentAt) wrong.push(`"${earliest.body}" came after "${each.body}"`)
      if (each.acceptedAt !== undefined && !(earliest && earliest.acceptedAt! <= each.acceptedAt)) earliest = each
    }
  }
  return wrong
}

/** The same message (Call-ID, CSeq, From tag) taken again. */
export function repetitions({ taken, kills }: Books): Repetition[] {
  const found: Repetition[] = []
  for (const [user, all] of taken) {
    const last = new Map<string, Arrived>()
    for (const arrived of all) {
      const before = last.get(identityOf(arrived))
      last.set(identityOf(arrived), arrived)
      if (!before) continue
      const kill = kills.find(({ at, nextStartAt }) => nextStartAt >= before.at && at <= arrived.at)
      found.push({ user, body: textOf(arrived), firstAt: before.at, againAt: arrived.at, kill })
    }
  }
  return found
}

/** Taken under several identities: the sender had to submit it anew, since a challenge of a new process takes a new CSeq. */
export function submittedAnew({ taken }: Books): string[] {
  return [...taken.values()].flatMap(all => {
    const identities = new Map<string, Set<string>>()
    for (const arrived of all) {
      const known = identities.get(textOf(arrived)) ?? new Set()
      identities.set(textOf(arrived), known.add(identityOf(arrived)))
    }
    return [...identities].filter(([, known]) => known.size > 1).map(([body]) => body)
  })
}
