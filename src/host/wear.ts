import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Wear } from '../services/status.ts'

/** Where the kernel tells of disks and processes; a test has places of its own. */
interface WearPlaces {
  readonly sys: string
  readonly proc: string
  /** Which device a folder lies on, as `MAJOR:MINOR`. */
  readonly deviceOf: (folder: string) => Promise<string>
}

const places: WearPlaces = { sys: '/sys', proc: '/proc', deviceOf: deviceNumbers }

const SECTOR_BYTES = 512
const DAY_S = 86_400
/** Before that a pace says nothing. */
const PACE_MIN_S = 3600

/** Fewer say nothing: a start writes too. */
const MESSAGES_MIN = 100

/** How often a cell of cheap flash may be written; makers of cards seldom say, and small writes cost several times their size inside. */
const CYCLES = 1000
const AMPLIFICATION = 4

/** Partitions and mappings, one upon the other. */
const DEPTH_MAX = 4

/** What wears the flash under `folder`, as far as the machine tells. Each part may be unknown; nothing is made up. */
export async function readWear(
  folder: string,
  { processS, machineS, stored }: { readonly processS: number; readonly machineS: number; readonly stored: number },
  { sys, proc, deviceOf }: WearPlaces = places,
): Promise<Wear> {
  const disk = await deviceOf(folder)
    .then(device => diskUnder(device, sys))
    .catch(() => undefined)
  const ownBytes = numberIn(await textOf(join(proc, 'self/io')), /^write_bytes: (\d+)$/m)
  const isPace = ownBytes !== undefined && stored >= MESSAGES_MIN
  const ownPerMessageBytes = isPace ? Math.round(ownBytes / stored) : undefined
  const own = { ownBytes, ownPerDayBytes: perDay(ownBytes, processS), ownPerMessageBytes }
  return { ...own, ...(disk === undefined ? NO_DISK : await diskWear(disk, machineS)) }
}

type DiskWear = Omit<Wear, 'ownBytes' | 'ownPerDayBytes' | 'ownPerMessageBytes'>

const NO_DISK: DiskWear = {
  device: undefined,
  deviceBytes: undefined,
  devicePerDayBytes: undefined,
  deviceSize: undefined,
  lifeUsedPercent: undefined,
  spare: undefined,
  yearsLeft: undefined,
}

async function diskWear(disk: string, machineS: number): Promise<DiskWear> {
  const sectors = numberIn(await textOf(join(disk, 'stat')), /^\s*(?:\d+\s+){6}(\d+)/) ?? Number.NaN
  const size = numberIn(await textOf(join(disk, 'size')), /^(\d+)/) ?? Number.NaN
  const deviceBytes = known(sectors * SECTOR_BYTES)
  const deviceSize = known(size * SECTOR_BYTES)
  const devicePerDayBytes = perDay(deviceBytes, machineS)
  return {
    device: basename(disk),
    deviceBytes,
    devicePerDayBytes,
    deviceSize,
    lifeUsedPercent: lifeUsed(await textOf(join(disk, 'device/life_time'))),
    spare: SPARE[(await textOf(join(disk, 'device/pre_eol_info'))).trim()],
    yearsLeft: known(((deviceSize ?? Number.NaN) * CYCLES) / AMPLIFICATION / (devicePerDayBytes || Number.NaN) / 365),
  }
}

const known = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined)

const perDay = (bytes: number | undefined, seconds: number): number | undefined =>
  bytes === undefined || seconds < PACE_MIN_S ? undefined : Math.round((bytes * DAY_S) / seconds)

/** JESD84-B51 7.4.26: PRE_EOL_INFO. */
const SPARE: Readonly<Record<string, Wear['spare']>> = { '0x01': 'normal', '0x02': 'warning', '0x03': 'urgent' }

/** JESD84-B51 7.4.27: two kinds of cells, each in steps of ten percent from 1 on; 11 is past its life. 0: it does not tell. */
function lifeUsed(text: string): number | undefined {
  const steps = text
    .trim()
    .split(/\s+/)
    .map(each => (/^0x[\da-f]{1,2}$/i.test(each) ? Number.parseInt(each, 16) : 0))
  const most = Math.max(0, ...steps.filter(step => step <= 11))
  return most === 0 ? undefined : most * 10
}

/** The folder of the whole disk: partitions and single mappings lead to it. */
async function diskUnder(device: string, sys: string): Promise<string> {
  let at = await realpath(join(sys, 'dev/block', device))
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    const isPartition = (await textOf(join(at, 'partition'))) !== ''
    const [slave, ...others] = await readdir(join(at, 'slaves')).catch(() => [])
    if (isPartition) at = dirname(at)
    else if (slave !== undefined && others.length === 0) at = await realpath(join(at, 'slaves', slave))
    else break
  }
  return at
}

const textOf = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '')

const numberIn = (text: string, pattern: RegExp): number | undefined => {
  const [, digits] = pattern.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** As the kernel packs the two numbers into one. */
async function deviceNumbers(folder: string): Promise<string> {
  const { dev } = await stat(folder, { bigint: true })
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn)
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn & 0xffffffffn)
  return `${major}:${minor}`
}
