import { readFileSync } from 'node:fs'

/**
 * Where the firmware of a Raspberry Pi hands on what its register of resets (PM_RSTS) said at the start, as a big-endian cell; the driver of its
 * watchdog (bcm2835_wdt) tells no bootstatus.
 */
const REGISTER = '/proc/device-tree/chosen/bootloader/rsts'
/** linux/drivers/watchdog/bcm2835_wdt.c: HADPOR, HADWRF. */
const HAD_POWER_ON = 0x1000
const HAD_WATCHDOG = 0x20

/**
 * Whether the board began anew without losing its power. A restart that somebody asked for, a panic and a lapsed watchdog all go by the watchdog's
 * reset, so which of them it was is not told. False also where nothing tells: older firmware says power-on of every start.
 */
export function keptItsPower(root = ''): boolean {
  try {
    const cell = readFileSync(`${root}${REGISTER}`)
    const flags = cell.length === 4 ? cell.readUInt32BE() : HAD_POWER_ON
    return (flags & HAD_WATCHDOG) !== 0 && (flags & HAD_POWER_ON) === 0
  } catch {
    return false
  }
}
