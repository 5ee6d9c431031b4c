import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { Log } from '../base/log.ts'
import type { ClockSource, TimeRefusal, TimeService, TimeView } from '../services/time.ts'
import type { Clock } from './clock.ts'

/** A program of the system that does not answer within this time is not there. */
const ANSWER_MS = 2000
/** Whoever asks more often is told the same again. */
const KEEP_MS = 2000

/** Before this was written; and the last year that every certificate can say (RFC 5280 4.1.2.5). */
const WALL_MIN = Date.UTC(2026, 0, 1)
const WALL_MAX = Date.UTC(2050, 0, 1)

/** Messages may live for less than this; hardly anybody who sets a clock by hand is so far off. */
const AHEAD_MS = 86_400_000

/** capabilities(7): CAP_SYS_TIME. */
const SET_CLOCK = 25n

/** What a program wrote; undefined: it is not there, or ended with an error. */
export type RunProgram = (name: string, args: readonly string[]) => Promise<{ out: string } | { wrong: string }>

interface SystemTimeParts {
  readonly clock: Pick<Clock, 'now' | 'trustedWall'>
  readonly log: Log
  readonly run?: RunProgram
  readonly canSet?: boolean
  /** Whether a file of the system is there. */
  readonly isThere?: (path: string) => boolean
}

/** The clock of the system: what is known of it, and setting it, with the programs that a Linux has. */
export class SystemTime implements TimeService {
  readonly #clock: SystemTimeParts['clock']
  readonly #log: Log
  readonly #run: RunProgram
  readonly #canSet: boolean
  readonly #isThere: (path: string) => boolean
  #asked: { at: number; answer: Promise<Pick<TimeView, 'source' | 'asked'>> } | undefined

  constructor({ clock, log, run = runProgram, canSet = maySetClock(), isThere = existsSync }: SystemTimeParts) {
    this.#clock = clock
    this.#log = log
    this.#run = run
    this.#canSet = canSet
    this.#isThere = isThere
  }

  async view(): Promise<TimeView> {
    const { at } = this.#clock.now()
    if (!this.#asked || at - this.#asked.at > KEEP_MS) this.#asked = { at, answer: this.#source() }
    const source = await this.#asked.answer
    const { wall, isWallTrusted } = this.#clock.now()
    return { wall, floor: this.#clock.trustedWall, isTrusted: isWallTrusted, canSet: this.#canSet, ...source }
  }

  async set(
    wall: number,
    { who, isAheadMeant }: { who: string; isAheadMeant: boolean },
  ): Promise<TimeRefusal | undefined> {
    if (!(wall >= WALL_MIN && wall < WALL_MAX)) return { kind: 'out of range' }
    if (!this.#canSet) return { kind: 'not permitted' }
    const { wall: before, isWallTrusted } = this.#clock.now()
    if (isWallTrusted && !isAheadMeant && wall - before > AHEAD_MS) return { kind: 'far ahead' }
    const set = await this.#run('date', ['-u', '-s', `@${Math.floor(wall / 1000)}`])
    if ('wrong' in set) return { kind: 'failed', why: set.wrong }
    this.#asked = undefined
    this.#log.warn('the clock was set by hand', {
      by: who,
      from: new Date(before).toISOString(),
      to: new Date(wall).toISOString(),
    })
    await this.#keepInHardware()
    return undefined
  }

  /** Where there is one that a battery keeps going. */
  async #keepInHardware(): Promise<void> {
    if (!this.#isThere('/dev/rtc0')) return
    // Under systemd /etc, where its notes on drift are, is read only.
    const kept = await this.#run('hwclock', ['--systohc', '--utc', '--noadjfile'])
    if ('wrong' in kept) this.#log.warn('the clock of the hardware was not set', { why: kept.wrong })
  }

  async #source(): Promise<Pick<TimeView, 'source' | 'asked'>> {
    const systemd = await this.#run('timedatectl', ['show'])
    if ('out' in systemd) return { source: bySystemd(systemd.out), asked: 'timedatectl' }
    const chrony = await this.#run('chronyc', ['-c', 'tracking'])
    if ('out' in chrony) return { source: byChrony(chrony.out), asked: 'chronyc' }
    if (this.#isThere('/run/systemd/timesync/synchronized'))
      return { source: 'synchronised', asked: 'systemd-timesyncd' }
    return { source: 'unknown' }
  }
}

/** org.freedesktop.timedate1(5); what it calls NTP is only the service that it may switch on. */
function bySystemd(text: string): ClockSource {
  const has = (line: string): boolean => text.split('\n').includes(line)
  if (has('NTPSynchronized=yes')) return 'synchronised'
  if (has('NTP=yes')) return 'waiting'
  return has('CanNTP=yes') ? 'off' : 'unknown'
}

/** chronyc(1): the last value of the line is the leap status. */
const byChrony = (text: string): ClockSource =>
  text.trimEnd().split(',').at(-1) === 'Not synchronised' ? 'waiting' : 'synchronised'

const runProgram: RunProgram = (name, args) =>
  new Promise(resolve => {
    const env = { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' }
    execFile(name, args, { timeout: ANSWER_MS, env }, (error, stdout, stderr) => {
      if (!error) return resolve({ out: stdout })
      resolve({ wrong: (stderr.trim().split('\n')[0] || error.message).slice(0, 200) })
    })
  })

function maySetClock(): boolean {
  try {
    const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    return ((BigInt(`0x${effective}`) >> SET_CLOCK) & 1n) === 1n
  } catch {
    return false
  }
}
