import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../../base/log.ts'
import { embeddedFile } from '../../embedded.ts'
import type { Board } from '../../services/board.ts'
import { codeOf, reasonOf } from '../plain-error.ts'
import { readDescription } from './description.ts'
import type { BoardDescription } from './schema.ts'

/** Folders of `board/` (a test compares). */
export const BOARD_NAMES = ['nanopi-r4s', 'qemu-aarch64', 'raspberrypi-4'] as const

/** A description of the machine's own goes before all that travel with the program. */
export const OWN_FILE = '/etc/restante/board.toml'
const OWN_NAME = 'own'

/** Far above any description. */
const OWN_BYTES_MAX = 64 * 1024

export interface KnownBoard {
  readonly name: string
  readonly description: BoardDescription
}

/** `root`: where the files of the machine begin; a test has its own. */
interface Machine {
  readonly root?: string
  readonly log: Log
}

export const describedBoard = (name: string): BoardDescription => {
  const file = `board/${name}/board.toml`
  const read = readDescription(embeddedFile(file).toString(), file)
  if ('errors' in read) throw new Error(read.errors.join('\n'))
  return read.board
}

/** The board that this machine is. Undefined: none that is known, and nothing is assumed. Never throws for what the machine has. */
export function findBoard({ root = '/', log }: Machine): KnownBoard | undefined {
  const own = ownBoard(join(root, OWN_FILE), log)
  if (own) return own
  const compatible = textOf(root, 'proc/device-tree/compatible').split('\0')
  const dmi = ['sys_vendor', 'product_name'].map(name => textOf(root, `sys/class/dmi/id/${name}`).trim()).join(' ')
  const names = [...compatible, dmi].filter(each => each.trim() !== '')
  for (const name of BOARD_NAMES) {
    // Most machines are none of them, and every start looks: what does not name this one is not read further.
    const text = embeddedFile(`board/${name}/board.toml`).toString()
    if (!names.some(each => text.includes(`"${each}"`))) continue
    const description = describedBoard(name)
    const { match } = description
    if (match.compatible.some(each => compatible.includes(each)) || match.dmi.includes(dmi))
      return { name, description }
  }
  return undefined
}

/** Wrong ones are told and passed over: a box without LEDs serves. */
function ownBoard(file: string, log: Log): KnownBoard | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      log.warn('the description of the board cannot be read', { file, reason: reasonOf(error) })
    return undefined
  }
  const read = text.length > OWN_BYTES_MAX ? { errors: [`${file}: is too long`] } : readDescription(text, file)
  if ('board' in read) return { name: OWN_NAME, description: read.board }
  log.warn('the description of the board is not used', { reason: read.errors.join('; ') })
  return undefined
}

/** Empty where the machine does not tell. */
function textOf(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'latin1')
  } catch {
    return ''
  }
}

/** As it is shown. */
export const boardOf = ({ name, description }: KnownBoard): Board => ({
  name,
  title: description.title,
  console: { device: `/dev/${description.console.tty}`, baud: description.console.baud },
  watchdog: description.watchdog && {
    device: description.watchdog.device,
    driver: description.watchdog.driver,
    timeoutMaxS: description.watchdog.timeout_max_s,
  },
  keepsTime: description.rtc.present && description.rtc.keeps_time,
})
