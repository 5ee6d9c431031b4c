import { createConnection, type Socket } from 'node:net'
import type { ConfiguredListener } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import { type Entropy, token } from '../base/entropy.ts'
import { type Endpoint, type Flow, hostPort, type Transport } from '../base/flow.ts'
import { sourceOf } from '../base/source.ts'
import { Tally } from '../base/tally.ts'
import { bindError, endpointOf } from './addresses.ts'
import type { Doors } from './doors.ts'
import { HANDSHAKE_MS, Handshakes } from './handshakes.ts'
import type { Listening } from './listening.ts'
import { withinMemory } from './memory/machine.ts'
import { Stream, type StreamEvents } from './stream.ts'
import { StreamListener } from './stream-listener.ts'
import { SocketWire, type Wire } from './wire.ts'

/** What one connection is reckoned with at rest, in the process and in the kernel. */
const STREAM_BYTES = 16 * 1024

/** Connections of all listeners together: about 50 MB at rest, and far below the usual limit of open files. A small machine has room for fewer. */
const STREAMS_MAX = Math.floor(withinMemory(8192 * STREAM_BYTES, 1 / 4) / STREAM_BYTES)

/** TLS takes so much more, most of it in the library. */
const SECURE_BYTES = 56 * 1024

/** Of these, over TLS. */
const SECURE_MAX = Math.floor(withinMemory(8192 * SECURE_BYTES, 1 / 4) / SECURE_BYTES)

/** From one IPv4 address or IPv6 /64: a whole site behind one NAT, yet no single host takes everything, on a small machine neither. */
const ofOne = (all: number): number => Math.min(1024, Math.floor((all * 3) / 4))

const BOUNDS = {
  streams: STREAMS_MAX,
  streamsOfOne: ofOne(STREAMS_MAX),
  secure: SECURE_MAX,
  secureOfOne: ofOne(SECURE_MAX),
}

const CONNECT_TIMEOUT_MS = 5000

interface StreamsEvents extends StreamEvents {
  opened(flow: Flow): void
}

/** Every listener and connection of TCP and what stands on it, found by flow id. */
export class Streams {
  readonly #events: StreamsEvents
  readonly #bounds: typeof BOUNDS
  readonly #counters: Counters
  readonly #listeners: StreamListener[] = []
  readonly #streams = new Map<string, Stream>()
  readonly #handshakes: Handshakes
  /** Needed for all transports but TCP. */
  readonly #doors: Doors | undefined
  /** Connections from and to each address or /64, handshakes included, and all of them. */
  readonly #perAddress = new Tally()
  /** Of these, over TLS. */
  readonly #securePerAddress = new Tally()
  #sockets = 0
  #secure = 0
  /** Ids differ from run to run: a binding kept over a restart must never name somebody else's connection. */
  readonly #run: string
  #accepted = 0
  #isHeld = false
  #isOpen = false

  constructor(events: StreamsEvents, counters: Counters, entropy: Entropy, doors?: Doors, bounds = BOUNDS) {
    this.#events = events
    this.#bounds = bounds
    this.#counters = counters
    this.#handshakes = new Handshakes(counters)
    this.#doors = doors
    this.#run = token(entropy, 40)
  }

  async listen(protocol: Flow['protocol'], listener: ConfiguredListener): Promise<Endpoint> {
    const { transport, key } = listener
    const standing = new StreamListener(protocol, listener, {
      accept: (from, socket) => this.#accept({ protocol, transport }, socket, from),
      failed: () => this.#counters.count('stream_accept_errors'),
    })
    try {
      await standing.open()
    } catch (error) {
      throw bindError(error, key, `TCP ${hostPort(listener.endpoint)}`)
    }
    this.#listeners.push(standing)
    return standing.endpoint
  }

  get listeners(): readonly Listening[] {
    return this.#listeners
  }

  /** From here on connections are taken; what came while the listeners were being opened was reset. */
  open(): void {
    this.#isOpen = true
  }

  /** What is written before the connection stands waits for it; failure is told as `closed`. */
  connect(flow: Flow): void {
    if (this.#streams.has(flow.id)) return
    const full = this.#fullFor(flow)
    if (full) {
      this.#counters.count('stream_refused', full)
      process.nextTick(() => this.#events.closed(flow, 'too many connections'))
      return
    }
    if (flow.transport === 'tls') this.#dial(flow)
    else {
      const socket = createConnection({ host: flow.remote.address, port: flow.remote.port })
      this.#count(flow, socket)
      const stream = this.#add(flow, new SocketWire(socket), socket)
      giveUp(stream, socket, 'connect', CONNECT_TIMEOUT_MS)
    }
  }

  /** Nothing is sent before the engine knows whose certificate the peer has shown. */
  #dial(flow: Flow): void {
    const socket = this.#doors?.dial(flow, peerFingerprints => {
      if (this.#streams.get(flow.id) !== stream) return
      this.#events.opened({ ...flow, ...(peerFingerprints && { peerFingerprints }) })
      stream?.stands()
    })
    const stream = socket && this.#add(flow, new SocketWire(socket), socket, true)
    if (!socket || !stream) {
      process.nextTick(() => this.#events.closed(flow, 'no TLS here'))
      return
    }
    this.#count(flow, socket)
    giveUp(stream, socket, 'secureConnect', HANDSHAKE_MS)
  }

  write(flow: Flow, bytes: Buffer): void {
    const stream = this.#streams.get(flow.id)
    if (stream) stream.write(bytes)
    else this.#counters.count('stream_write_dropped')
  }

  close(flow: Flow): void {
    this.#streams.get(flow.id)?.close()
  }

  /** Stops or resumes reading from one connection: the engine cannot take more of it. */
  hold(flow: Flow, isHeld: boolean): void {
    this.#streams.get(flow.id)?.hold('engine', isHeld)
  }

  /** Stops or resumes reading everywhere, so that TCP slows the senders while the store is behind. */
  holdAll(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return
    this.#isHeld = isHeld
    for (const stream of this.#streams.values()) stream.hold('store', isHeld)
  }

  /** Whether that connection stands, or is being made. */
  has(flowId: string): boolean {
    return this.#streams.has(flowId)
  }

  get count(): number {
    return this.#streams.size
  }

  stopListening(): void {
    this.#isOpen = false
    for (const listener of this.#listeners.splice(0)) listener.close()
  }

  /** Lets what was written leave, for at most `withinMs`. */
  async closeAll(withinMs: number): Promise<void> {
    this.stopListening()
    this.#handshakes.endAll()
    for (const stream of this.#streams.values()) stream.close(true)
    const end = performance.now() + withinMs
    while (this.#streams.size > 0 && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 10))
    for (const stream of this.#streams.values()) stream.fail('stopped')
  }

  #accept(kind: Pick<Flow, 'protocol' | 'transport'>, socket: Socket, by: StreamListener): void {
    const remote = endpointOf(socket.remoteAddress, socket.remotePort)
    // The reason comes with `close`; without a listener it would end the process.
    socket.on('error', () => {})
    const refusal = this.#refusal({ ...kind, remote })
    if (refusal) return this.#refuse(socket, refusal, by)
    this.#count({ ...kind, remote }, socket)
    const id = `${kind.transport}/${this.#run}/${++this.#accepted}`
    const flow: Flow = { id, ...kind, local: endpointOf(socket.localAddress, socket.localPort), remote }
    if (kind.transport === 'tcp') return this.#stands(flow, new SocketWire(socket), socket, by)
    if (!this.#handshakes.begin(socket, remote.address)) return this.#refuse(socket, 'handshakes per address', by)
    this.#doors?.enter(kind, socket, (wire, peerFingerprints) => {
      this.#handshakes.done(socket)
      this.#stands({ ...flow, ...(peerFingerprints && { peerFingerprints }) }, wire, socket, by)
    })
  }

  #stands(flow: Flow, wire: Wire, socket: Socket, by: StreamListener): void {
    if (!this.#isOpen || socket.destroyed) return wire.destroy()
    by.entered++
    this.#add(flow, wire, socket)
    this.#counters.count('stream_accepted', flow.protocol)
    this.#events.opened(flow)
  }

  #refuse(socket: Socket, why: string, by: StreamListener): void {
    by.refused++
    this.#counters.count('stream_refused', why)
    socket.resetAndDestroy()
  }

  #refusal(opened: Opened): string | undefined {
    const { remote } = opened
    if (!this.#isOpen) return 'not open'
    if (remote.port === 0) return 'gone already'
    return this.#fullFor(opened) ?? (this.#hasEnough(opened) ? 'limit per address' : undefined)
  }

  #hasEnough({ transport, remote }: Opened): boolean {
    const address = sourceOf(remote.address)
    if (this.#perAddress.of(address) >= this.#bounds.streamsOfOne) return true
    return isSecure(transport) && this.#securePerAddress.of(address) >= this.#bounds.secureOfOne
  }

  #fullFor({ transport }: Opened): string | undefined {
    if (this.#sockets >= this.#bounds.streams) return 'limit'
    return isSecure(transport) && this.#secure >= this.#bounds.secure ? 'limit of TLS' : undefined
  }

  #count({ transport, remote }: Opened, socket: Socket): void {
    const address = sourceOf(remote.address)
    const tallies = isSecure(transport) ? [this.#perAddress, this.#securePerAddress] : [this.#perAddress]
    const secure = isSecure(transport) ? 1 : 0
    this.#sockets++
    this.#secure += secure
    for (const tally of tallies) tally.add(address)
    socket.once('close', () => {
      this.#sockets--
      this.#secure -= secure
      for (const tally of tallies) tally.remove(address)
    })
  }

  #add(flow: Flow, wire: Wire, socket: Socket, waits = false): Stream {
    const stream = new Stream(flow, wire, this.#events, this.#counters, waits)
    this.#streams.set(flow.id, stream)
    socket.once('close', () => this.#streams.delete(flow.id))
    if (this.#isHeld) stream.hold('store', true)
    return stream
  }
}

type Opened = Pick<Flow, 'transport' | 'remote'>

const isSecure = (transport: Transport): boolean => transport === 'tls' || transport === 'wss'

/** Where the connection does not stand in time. */
function giveUp(stream: Stream, socket: Socket, stands: 'connect' | 'secureConnect', withinMs: number): void {
  const timer = setTimeout(() => stream.fail('connect timed out'), withinMs)
  socket.once(stands, () => clearTimeout(timer))
  socket.once('close', () => clearTimeout(timer))
}
