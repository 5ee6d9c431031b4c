import type { HistoryEntry, HistoryHeads, HistoryPiece } from '../store/history.ts'
import { publish } from './publish.ts'
import type { Scenario } from './scenario.ts'
import type { SimulatedAppliance } from './simulated-appliance.ts'
import type { SimulatedPhone } from './simulated-phone.ts'
import type { World } from './world.ts'

/** One item of somebody's history, read as a whole. */
export interface KeptItem extends HistoryEntry {
  readonly heads: HistoryHeads
  readonly pieces: readonly HistoryPiece[]
  /** All pieces in a row. */
  readonly bytes: Buffer
}

/** Everything in the history of that user, oldest first. */
export function historyOf(world: World, box: SimulatedAppliance, aor: string): KeptItem[] {
  const entries: HistoryEntry[] = []
  for (let after: string | undefined, isLast = false; !isLast; ) {
    const request = { aor, filter: {}, order: 'oldest', limit: 1000, ...(after !== undefined && { after }) } as const
    const page = world.ask(box, 'history.list', request)
    entries.push(...page.entries)
    after = page.next
    isLast = after === undefined
  }
  return entries.map(entry => {
    const { reference } = entry
    const got = world.ask(box, 'history.get', { aor, reference })
    const pieces: HistoryPiece[] = []
    for (let from = 0, isLast = false; !isLast; ) {
      const page = world.ask(box, 'history.pieces', { aor, reference, from, bytes: 1_000_000 })
      if (!page) throw new Error(`${reference} has no pieces`)
      pieces.push(...page.pieces)
      from = page.next
      isLast = page.isLast
    }
    return { ...entry, heads: got?.heads ?? {}, pieces, bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)) }
  })
}

const activation = (type: string, active: boolean | undefined): string =>
  active === undefined ? '' : `<hist-activation type="${type}" active="${active}"/>`

/** A settings document that says so (OMA SIMPLE IM, Appendix E). */
export const historySettings = ({ pager, session }: { pager?: boolean; session?: boolean }): string =>
  `<im-settings xmlns="urn:oma:xml:im:service-settings"><hist-settings>${activation('session-mode', session)}` +
  `${activation('pager-large-mode', pager)}</hist-settings></im-settings>`

/** That user's phone publishes that it is so. */
export function keepPagerHistory(run: Scenario, phone: SimulatedPhone, pager = true): void {
  const { status } = publish(run, phone, { body: historySettings({ pager }), uri: phone.phone.aor })
  if (status !== 200) throw new Error(`PUBLISH: ${status}`)
}
