import { lstat, readFile } from 'node:fs/promises'

/** Long enough to walk from the switch to the cable, sign on, and ask. */
const WINDOW_S = 300
/** A file made a moment ahead of a clock that is being set. */
const AHEAD_S = 5

interface PresenceParts {
  /** Whether the machine was switched on, and not restarted by itself; undefined: it does not tell. */
  readonly wasSwitchedOn?: () => boolean | undefined
  /** Made anew by root when the button is pressed. */
  readonly button?: string
  readonly uptime?: string
  /** Milliseconds since 1970. */
  readonly wall?: () => number
  readonly ownerOfButton?: number
}

/**
 * Seconds left in which somebody is taken to stand before the box: it was switched on just now, or its button was pressed. A restart that the
 * box asked for itself is no proof where the machine tells the difference.
 */
export async function presenceLeftS(parts: PresenceParts = {}): Promise<number> {
  const { wasSwitchedOn = () => undefined, uptime = '/proc/uptime' } = parts
  const on = wasSwitchedOn() === false ? 0 : WINDOW_S - (await secondsUp(uptime))
  return Math.max(0, Math.floor(on), await buttonLeftS(parts))
}

interface Start {
  readonly kind: string
  /** Which start of the machine it was under. */
  readonly boot: string
}

/**
 * Whether the machine was switched on for its present start: what ended the run of the program before tells. Undefined: nothing tells.
 * `starts`: the latest first.
 */
export function isPowerOn(starts: readonly Start[], boot: string): boolean | undefined {
  const first = starts.findLast(start => boot !== '' && start.boot === boot)
  return first === undefined || first.kind === 'first' ? undefined : first.kind === 'power'
}

async function secondsUp(file: string): Promise<number> {
  const text = await readFile(file, 'latin1').catch(() => '')
  const seconds = Number.parseFloat(text)
  return Number.isFinite(seconds) ? seconds : Number.POSITIVE_INFINITY
}

/** Only root, or who the box's unit runs the button as, makes such a file: the box itself must not be able to. */
async function buttonLeftS({
  button = '/run/restante/presence',
  wall = Date.now,
  ownerOfButton = 0,
}: PresenceParts): Promise<number> {
  const found = await lstat(button).catch(() => undefined)
  // A second name would be of a file that root made for something else.
  if (!found?.isFile() || found.uid !== ownerOfButton || found.nlink !== 1) return 0
  const ageS = (wall() - found.mtimeMs) / 1000
  return ageS < -AHEAD_S ? 0 : Math.max(0, Math.floor(WINDOW_S - ageS))
}
