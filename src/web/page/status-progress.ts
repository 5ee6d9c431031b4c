import type { BoxStatus, ProgressFigures, Reset } from '../../services/status.ts'
import { duration, number, time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { card, facts, table } from './table.ts'
import type { Visit } from './visit.ts'

/** Whether messages get on, who watches that, and why the box was started. */
export function progressCard(visit: Visit, { progress, starts }: BoxStatus): Html {
  const { progress: words, shell } = visit.strings
  if (!progress) return html``
  const { condition, reason, loopLagMs, storeMs, flushedAgoS } = progress
  const state = words.conditions[condition]
  return card(
    words.title,
    facts([
      [
        words.condition,
        condition === 'ready'
          ? html`<span class="good">${state}</span>`
          : html`<strong class="bad">${state}</strong>${reason !== '' && html`: ${foreign(reason, 300)}`}`,
      ],
      [words.selfTest, selfTest(visit, progress)],
      [words.listeners, listeners(visit, progress)],
      [words.flushed, flushedAgoS === undefined ? words.notFlushed : shell.ago(duration(visit, flushedAgoS * 1000))],
      [words.oldest, duration(visit, storeMs)],
      [words.loopLag, `${number(visit, loopLagMs)} ms`],
      [words.service, service(visit, progress)],
      [words.deadman, deadman(visit, progress)],
      [words.device, device(visit, progress)],
      [words.starts, number(visit, starts)],
    ]),
  )
}

export function resetsCard(visit: Visit, { resets }: BoxStatus): Html {
  const { progress: words, resetKinds, shell } = visit.strings
  if (resets.length === 0) return html``
  const rows = table(
    words.resets,
    [
      {
        title: words.at,
        cell: ({ at, isTrusted }: Reset) =>
          html`${time(visit, at)}${!isTrusted && html` <span class="soft">(${words.isUntrusted})</span>`}`,
      },
      { title: words.why, cell: ({ kind }: Reset) => resetKinds[kind] },
      { title: words.detail, cell: ({ detail }: Reset) => foreign(detail, 200) },
      {
        title: words.ran,
        cell: ({ ranS }: Reset) => (ranS === undefined ? '–' : duration(visit, ranS * 1000)),
      },
    ],
    resets,
    shell.none,
  )
  return html`<section class="card">${rows}</section>`
}

function selfTest(visit: Visit, { selfTest: { result, detail, agoS } }: ProgressFigures): Html {
  const { progress: words, shell } = visit.strings
  const when = agoS !== undefined && html`, ${shell.ago(duration(visit, agoS * 1000))}`
  return html`${words.selfTests[result]}${when}${detail !== '' && html`: ${foreign(detail, 300)}`}`
}

function listeners(visit: Visit, { listeners: tried }: ProgressFigures): Html {
  const { progress: words } = visit.strings
  const { answering = 0, silent = [], untold = [] } = tried ?? {}
  return html`${words.listenersAnswer(number(visit, answering))}${silent.map(
    ({ name, reason }) => html`; <strong class="bad">${foreign(`${name}: ${reason}`, 300)}</strong>`,
  )}${untold.map(({ name, reason }) => html`; ${words.listenersUntold}: ${foreign(`${name}: ${reason}`, 300)}`)}`
}

function service(visit: Visit, { serviceS }: ProgressFigures): string {
  const { progress: words } = visit.strings
  return serviceS === undefined ? words.serviceNone : words.serviceWaits(number(visit, serviceS))
}

function deadman(visit: Visit, { deadmanS }: ProgressFigures): string {
  const { progress: words } = visit.strings
  return deadmanS === undefined ? words.deadmanNone : words.deadmanWaits(number(visit, deadmanS))
}

function device(visit: Visit, { device: found }: ProgressFigures): Html | string {
  const { progress: words } = visit.strings
  if (!found) return words.deviceNone
  if (found.problem !== '')
    return html`<code>${foreign(found.path)}</code>: <strong class="bad">${foreign(found.problem)}</strong>`
  const waits = found.timeoutS === undefined ? words.deviceUnknown : words.deviceWaits(number(visit, found.timeoutS))
  return html`<code>${foreign(found.path)}</code>: ${waits}`
}
