/** RFC 3842: the bodies of `application/simple-message-summary`, in octets. Text is latin1, so that UTF-8 passes as it came. */

export const MESSAGE_SUMMARY = 'application/simple-message-summary'

/** RFC 3842 5.2: counters are below 2^32. */
const COUNT_MAX = 4_294_967_295

/** What waits in one mailbox. Text messages of RFC 3458. */
export interface WaitingCounts {
  readonly newCount: number
  readonly oldCount: number
  /** Of the new, and of the old ones. */
  readonly urgentNew: number
  readonly urgentOld: number
}

/** Name and value; the value as it came. */
export type SummaryHeader = readonly [name: string, value: string]

/** Status line, account and summary line. `account`: a URI without brackets. */
export function summaryCounts(account: string, counts: WaitingCounts): Buffer {
  const { newCount, oldCount, urgentNew, urgentOld } = counts
  return lines([
    ['Messages-Waiting', newCount + oldCount > 0 ? 'yes' : 'no'],
    ['Message-Account', account],
    ['Text-Message', `${inRange(newCount)}/${inRange(oldCount)} (${inRange(urgentNew)}/${inRange(urgentOld)})`],
  ])
}

const inRange = (count: number): number => Math.min(count, COUNT_MAX)

/** One message: an empty line, then its header lines. */
export const summaryGroup = (headers: readonly SummaryHeader[]): Buffer => lines([...headers], '\r\n')

/** Nothing is folded: whatever could end a line is taken out. */
function lines(headers: readonly SummaryHeader[], before = ''): Buffer {
  const text = headers.map(([name, value]) => `${name}: ${value.replace(/[\r\n]+[ \t]*/g, ' ').trim()}\r\n`)
  return Buffer.from(before + text.join(''), 'latin1')
}

/**
 * The counts with the groups of so many messages behind them as they fit into `bytesMax`, in as many bodies as it takes, each a whole
 * body of its own. A group that does not fit into any goes alone. One body at least.
 */
export function summaryBodies(counts: Buffer, groups: readonly Buffer[], bytesMax: number): Buffer[] {
  const bodies: Buffer[][] = [[counts]]
  let size = counts.length
  for (const group of groups) {
    const isFirst = bodies.at(-1)!.length === 1
    if (!isFirst && size + group.length > bytesMax) {
      bodies.push([counts])
      size = counts.length
    }
    bodies.at(-1)!.push(group)
    size += group.length
  }
  return bodies.map(body => Buffer.concat(body))
}
