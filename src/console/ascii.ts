/** Text for a terminal of which nothing is known but that it shows ASCII. */

const ELSE = /[^\x20-\x7e]/g

/** On one line; the apostrophe of our own texts as the terminal has it, whatever is no printable ASCII as `\u00e9`: no stranger's control characters reach the terminal. */
export const ascii = (text: string): string =>
  text.replaceAll('’', "'").replace(ELSE, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** What is cut ends with `~`. */
export const cut = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}~` : text

/** Broken at spaces where there are any near the end; what follows the first line is indented. */
export function wrapped(text: string, width: number, indent = ''): string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width)
    const at = space > Math.max(indent.length, width / 2) ? space : width
    lines.push(rest.slice(0, at).trimEnd())
    rest = indent + rest.slice(at).trimStart()
  }
  lines.push(rest)
  return lines
}

/** RFC 3339 in UTC, to the second. */
export const timeText = (wall: number | undefined | null): string => {
  const iso = isoText(wall)
  return iso === null ? '-' : `${iso.slice(0, 19)}Z`
}

/** For programs; null where it is not known. */
export const isoText = (wall: number | undefined | null): string | null =>
  wall === undefined || wall === null || Math.abs(wall) > 8.64e15 ? null : new Date(wall).toISOString()

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return '-'
  let unit = 0
  let amount = bytes
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024
    unit++
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`
}

export function durationText(seconds: number | undefined): string {
  if (seconds === undefined) return '-'
  const whole = Math.floor(seconds)
  const clock = [Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60]
  const days = Math.floor(whole / 86_400)
  return `${days > 0 ? `${days} d ` : ''}${clock.map(part => `${part}`.padStart(2, '0')).join(':')}`
}

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const NAME_LENGTH_MAX = 20

/** Of a host, for a prompt: the first label of a name, a numeric address whole. */
export function promptName(hostname: string): string {
  const isNumeric = /^[\d.]+$/.test(hostname) || hostname.includes(':')
  const label = isNumeric ? hostname : hostname.split('.')[0]!
  return label.replace(/[^A-Za-z0-9.:-]/g, '').slice(0, NAME_LENGTH_MAX) || 'restante'
}
