import type { Reset } from '../services/status.ts'
import { durationText, timeText } from './ascii.ts'

export const resetText = ({ kind, detail }: Reset): string => (detail === '' ? kind : `${kind}: ${detail}`)

/** A start of the box, and why the run before ended. */
export function startText(reset: Reset): string {
  const when = `${timeText(reset.at)}${reset.isTrusted ? '' : ' (clock not trusted)'}  ${reset.version}  `
  if (reset.kind === 'first') return `${when}no run before is known`
  const ran = reset.ranS === undefined ? '' : `ran ${durationText(reset.ranS)}, `
  return `${when}${ran}ended: ${resetText(reset)}`
}
