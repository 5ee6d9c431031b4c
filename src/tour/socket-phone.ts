import { Counters } from '../base/counters.ts'
import type { Endpoint, Flow } from '../base/flow.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { SystemEntropy } from '../host/entropy.ts'
import { Streams } from '../host/streams.ts'
import { Datagrams } from '../host/udp.ts'
import type { Hop } from '../sip/transport.ts'
import { Phone } from '../testing/phone.ts'

interface SocketPhoneOptions {
  readonly user: string
  readonly domain: string
  readonly password: string
  readonly server: Hop
  /** Of this machine; the ports are the system's choice. */
  readonly address: string
  /** Sees every message on the wire. */
  readonly onWire?: (direction: 'out' | 'in', flow: Flow, bytes: Buffer) => void
}

/** What was written last may take so long to leave. */
const CLOSE_MS = 200

/** The phone of the simulated world, behind real sockets. */
export class SocketPhone {
  readonly phone: Phone
  readonly #datagrams: Datagrams
  readonly #streams: Streams
  readonly #onWire: SocketPhoneOptions['onWire']
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(phone: Phone, datagrams: Datagrams, streams: Streams, onWire: SocketPhoneOptions['onWire']) {
    this.phone = phone
    this.#datagrams = datagrams
    this.#streams = streams
    this.#onWire = onWire
  }

  static async open(options: SocketPhoneOptions): Promise<SocketPhone> {
    const { server, address, onWire } = options
    let self: SocketPhone | undefined
    const entropy = new SystemEntropy()
    const counters = new Counters()
    const input = (give: (phone: Phone, now: Now) => void): void => self?.act(now => give(self!.phone, now))
    const events = {
      opened: (flow: Flow) => input((phone, now) => phone.flowOpened(now, flow)),
      closed: (flow: Flow, why: string) => input((phone, now) => phone.flowClosed(now, flow, why)),
      failed: (flow: Flow, why: string) => input((phone, now) => phone.flowClosed(now, flow, why)),
      received: (flow: Flow, bytes: Buffer) => {
        onWire?.('in', flow, bytes)
        input((phone, now) => phone.received(now, flow, bytes))
      },
    }
    const datagrams = new Datagrams(events, counters)
    const streams = new Streams(events, counters, entropy)
    const at = (transport: 'udp' | 'tcp') => ({ transport, endpoint: { address, port: 0 }, key: 'phone' })
    const isUdp = server.transport === 'udp'
    const sip: Endpoint = isUdp ? await datagrams.listen(at('udp')) : await streams.listen('sip', at('tcp'))
    const msrp = await streams.listen('msrp', at('tcp'))
    const { user, domain, password } = options
    const listener = { transport: server.transport, endpoint: sip }
    const phone = new Phone({ user, domain, password, server, sip: [listener], msrp, entropy })
    self = new SocketPhone(phone, datagrams, streams, onWire)
    streams.open()
    return self
  }

  /** One input; then everything that came of it leaves. */
  act<T>(what: (now: Now) => T): T | undefined {
    if (this.#isClosed) return undefined
    const result = what(systemNow())
    for (const output of this.phone.drain()) {
      const { kind, flow } = output
      if (kind === 'connect') this.#streams.connect(flow)
      else if (kind === 'close') this.#streams.close(flow)
      else if (kind === 'hold') this.#streams.hold(flow, output.isHeld)
      else this.#transmit(flow, output.bytes)
    }
    this.#arm()
    return result
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#streams.closeAll(CLOSE_MS)
    await this.#datagrams.close()
  }

  #transmit(flow: Flow, bytes: Buffer): void {
    this.#onWire?.('out', flow, bytes)
    if (flow.transport === 'udp') this.#datagrams.send(flow, bytes)
    else this.#streams.write(flow, bytes)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const next = this.phone.nextTimeout()
    if (next === undefined) return
    const delayMs = Math.max(0, Math.ceil(next - performance.now()))
    this.#timer = setTimeout(() => this.act(now => this.phone.timeout(now)), delayMs)
  }
}

const systemNow = (): Now => ({
  at: performance.now() as Instant,
  wall: Date.now() as WallTime,
  isWallTrusted: true,
})
