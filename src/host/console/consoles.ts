import type { Socket } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../../base/config.ts'
import type { Counters } from '../../base/counters.ts'
import type { Log } from '../../base/log.ts'
import type { ConsoleLine } from '../../console/options.ts'
import type { ConsoleServices } from '../../console/services.ts'
import { ConsoleSession } from '../../console/session.ts'
import { systemClock } from './clock.ts'
import { SerialLine } from './line.ts'
import { ConsoleStream } from './stream.ts'
import { encoded, lineOf } from './stream-wire.ts'

/** Over the control socket; a technician, a colleague who looks on, and one that hangs. Beside them the serial line. */
const STREAM_PLACES = ['console 1', 'console 2', 'console 3', 'console 4']

/** An adapter that is plugged in anew, or a machine that starts, is back by then. */
const LINE_MISSED_MS = 60_000

const STOPPING = 'The service is being stopped.'

/** What a console is over. */
export interface ConsoleUse {
  readonly services: ConsoleServices
  readonly config: Config
  readonly counters: Counters
}

/** Everybody at a console of this process. Outlives a box that starts anew, so that whoever changed its configuration can confirm it. */
export class Consoles {
  readonly #log: Log
  readonly #streams = new Set<ConsoleStream>()
  /** The one that was left longest ago is taken first: whoever comes next does not wait for what the one before guessed. */
  readonly #freePlaces = [...STREAM_PLACES]
  #use: ConsoleUse | undefined
  #line: { readonly of: Config['console']; readonly serial: SerialLine } | undefined
  #isClosed = false

  constructor(log: Log) {
    this.#log = log
  }

  /** Of the box that serves from now on. The line stays open where it is the same one. */
  async use(use: ConsoleUse): Promise<void> {
    this.#use = use
    const of = use.config.console
    if (this.#isClosed || isDeepStrictEqual(this.#line?.of, of)) return
    const before = this.#line
    this.#line = undefined
    await before?.serial.close('The configuration has another line for the console.')
    const { device, baud, flow_control: flowControl } = of
    if (device === '') return
    const serial = new SerialLine({
      ...{ device, baud, flowControl, log: this.#log },
      counters: () => this.#use!.counters,
      session: (write, room) =>
        this.#session(
          { isPhysical: true, name: device, columns: 80, rows: 24, place: 'console line' },
          { write, room, onEnd: () => {} },
        ),
    })
    this.#line = { of, serial }
    serial.start()
  }

  /** Why nobody can work on the line of the configuration, and could not for a minute; undefined: somebody can, or none is configured. */
  get lineTrouble(): string | undefined {
    const why = this.#line?.serial.troubleFor(LINE_MISSED_MS)
    return why === undefined ? undefined : `${this.#line?.of.device}: ${why}`
  }

  /** A connection of the control socket that asked for a console; it is nobody else's from now on. */
  stream(socket: Socket, asked: object): void {
    if (!this.#use || this.#isClosed) return refuse(socket, 'the box is starting or being stopped')
    const place = this.#freePlaces.shift()
    if (place === undefined)
      return refuse(socket, `${STREAM_PLACES.length} consoles are open already. Close one of them`)
    const line = { ...lineOf(asked), place }
    this.#use.counters.count('console_streams')
    const stream = new ConsoleStream(
      socket,
      (write, ended, room) => this.#session(line, { write, onEnd: ended, room }),
      () => {
        this.#streams.delete(stream)
        this.#freePlaces.push(place)
      },
    )
    this.#streams.add(stream)
  }

  /** The process ends. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stream of this.#streams) stream.close(STOPPING)
    await this.#line?.serial.close(STOPPING)
  }

  #session(
    line: ConsoleLine,
    ends: Pick<ConstructorParameters<typeof ConsoleSession>[0], 'write' | 'onEnd' | 'room'>,
  ): ConsoleSession {
    return new ConsoleSession({ services: () => this.#use!.services, line, clock: systemClock, ...ends })
  }
}

function refuse(socket: Socket, why: string): void {
  socket.end(encoded({ refused: why }))
}
