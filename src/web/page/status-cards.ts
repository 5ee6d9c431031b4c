import type { BoxStatus, ListenerState } from '../../services/status.ts'
import { bytes, duration, number, time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { progressCard } from './status-progress.ts'
import { card, facts, table } from './table.ts'
import type { Visit } from './visit.ts'

/** What there is to know of the box beside its messages. */
export const statusCards = (visit: Visit, box: BoxStatus): Html[] => [
  peers(visit, box),
  clock(visit, box),
  flash(visit, box),
  wear(visit, box),
  progressCard(visit, box),
  machine(visit, box),
]

export function listenersCard(visit: Visit, { listeners }: BoxStatus): Html {
  const { status: words, shell } = visit.strings
  const nameOf = ({ use, transport }: ListenerState): string => `${use}, ${transport}`
  const off = listeners.filter(({ at }) => at === undefined).map(nameOf)
  const rows = table(
    words.listeners,
    [
      { title: words.use, cell: nameOf },
      { title: words.at, cell: ({ at }) => html`<code>${at}</code>` },
      { title: words.state, cell: () => html`<span class="good">${words.isOpen}</span>` },
    ],
    listeners.filter(({ at }) => at !== undefined),
    shell.none,
  )
  return html`<section class="card">${rows}${off.length > 0 && html`<p class="soft">${words.isOff(off.join('; '))}</p>`}</section>`
}

function peers(visit: Visit, { peers: figures }: BoxStatus): Html {
  const { status: words } = visit.strings
  const count = (value: number): string => number(visit, value)
  const trusted = figures.trusted.map((each, index) => html`${index > 0 && ', '}<code>${foreign(each)}</code>`)
  return card(
    words.peers,
    facts([
      [words.accounts, count(figures.accounts)],
      [words.bindings, count(figures.bindings)],
      [words.sipStreams, count(figures.sipStreams)],
      [words.msrpConnections, count(figures.msrpConnections)],
      [words.calls, count(figures.calls)],
      [words.subscriptions, count(figures.subscriptions)],
      [words.trusted, trusted.length > 0 ? trusted : words.noneSet],
      [words.core, figures.coreRoute === '' ? words.noneSet : html`<code>${foreign(figures.coreRoute)}</code>`],
    ]),
  )
}

function clock(visit: Visit, { clock: quality, board }: BoxStatus): Html {
  const { status: words } = visit.strings
  const trust = quality.isTrusted
    ? html`<span class="good">${words.trustYes}</span>`
    : html`<strong class="bad">${words.trustNo}</strong>`
  return card(
    words.clock,
    facts([
      [words.now, time(visit, quality.wall)],
      [words.trust, trust],
      [words.floor, time(visit, quality.floor)],
      [words.source, words.sources[quality.source]],
      board && [words.withoutPower, board.keepsTime ? words.runsOn : words.standsStill],
    ]),
  )
}

function flash(visit: Visit, { flash: figures }: BoxStatus): Html {
  const { status: words } = visit.strings
  const { freeBytes, reserveBytes, usedBytes, totalBytes } = figures
  const isLow = freeBytes < 2 * reserveBytes
  return card(
    words.flash,
    facts([
      [words.free, isLow ? html`<strong class="bad">${bytes(visit, freeBytes)}</strong>` : bytes(visit, freeBytes)],
      [words.used, bytes(visit, usedBytes)],
      [words.reserve, html`${bytes(visit, reserveBytes)} <span class="soft">(${words.reserveHint})</span>`],
      [words.total, totalBytes === undefined ? words.unknown : bytes(visit, totalBytes)],
    ]),
  )
}

/** A guess is not made to look like more than one. */
const YEARS_MAX = 50

function wear(visit: Visit, { wear: figures }: BoxStatus): Html {
  const { status: words } = visit.strings
  const written = (total: number | undefined, perDay: number | undefined): Html | string =>
    total === undefined
      ? words.unknown
      : html`${bytes(visit, total)} <span class="soft">(${perDay === undefined ? words.tooEarly : words.perDay(bytes(visit, perDay))})</span>`
  const { yearsLeft: years, lifeUsedPercent: life, device, deviceSize, spare, ownPerMessageBytes: each } = figures
  const guess =
    years === undefined
      ? words.unknown
      : years > YEARS_MAX
        ? words.yearsMany(number(visit, YEARS_MAX))
        : words.yearsText(number(visit, Math.max(0.1, Math.round(years * 10) / 10)))
  return card(
    words.wear,
    facts([
      [words.ownWritten, written(figures.ownBytes, figures.ownPerDayBytes)],
      figures.ownBytes === undefined
        ? undefined
        : [words.ownPerMessage, each === undefined ? words.fewMessages : bytes(visit, each)],
      [
        words.medium,
        device === undefined
          ? words.unknown
          : html`<code>${foreign(device)}</code>${deviceSize !== undefined && `, ${bytes(visit, deviceSize)}`}`,
      ],
      device === undefined ? undefined : [words.deviceWritten, written(figures.deviceBytes, figures.devicePerDayBytes)],
      [words.lifeUsed, life === undefined ? words.lifeUnknown : words.lifeUsedAtMost(number(visit, life))],
      spare && [words.spare, words.spares[spare]],
      device === undefined ? undefined : [words.years, guess],
    ]),
  )
}

function machine(visit: Visit, { version, hostname, board, uptimeS, machineUptimeS }: BoxStatus): Html {
  const { status: words } = visit.strings
  return card(
    words.box,
    facts([
      [words.version, html`<a href="/about">${version}</a>`],
      [words.hostname, foreign(hostname)],
      board && [words.board, foreign(board.title)],
      [words.up, duration(visit, uptimeS * 1000)],
      [words.machineUp, duration(visit, machineUptimeS * 1000)],
    ]),
  )
}
