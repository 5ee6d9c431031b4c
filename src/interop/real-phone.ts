import { Counters } from '../base/counters.ts'
import type { Flow, Transport } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import type { Certificates } from '../host/certificates.ts'
import { Doors } from '../host/doors.ts'
import { SystemEntropy } from '../host/entropy.ts'
import { Streams } from '../host/streams.ts'
import { Datagrams } from '../host/udp.ts'
import { Phone } from '../testing/phone.ts'
import type { PhoneInbox } from '../testing/phone-inbox.ts'
import type { MessageOptions, RegisterOptions, Sent } from '../testing/phone-types.ts'
import { DOMAIN, passwordOf } from './box.ts'
import { until } from './until.ts'

/** Longer than Timer F. */
const ANSWER_MS = 40_000

const CLOSE_MS = 200

const systemNow = (): Now => ({
  at: performance.now() as Instant,
  wall: Date.now() as WallTime,
  isWallTrusted: true,
})

interface RealPhoneOptions {
  readonly user: string
  readonly transport: Extract<Transport, 'udp' | 'tcp' | 'tls'>
  readonly boxPort: number
  /** Of box and phone alike. */
  readonly address?: '127.0.0.1' | '::1'
  /** Needed for TLS: its own certificate, for SIP and MSRP. */
  readonly certificates?: Certificates
}

/** A phone behind real sockets, on ports that the system chose. */
export class RealPhone {
  readonly phone: Phone
  readonly #datagrams: Datagrams
  readonly #streams: Streams
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(phone: Phone, datagrams: Datagrams, streams: Streams) {
    this.phone = phone
    this.#datagrams = datagrams
    this.#streams = streams
  }

  static async open(options: RealPhoneOptions): Promise<RealPhone> {
    const { user, transport, boxPort, address = '127.0.0.1', certificates } = options
    let self: RealPhone | undefined
    const entropy = new SystemEntropy()
    const counters = new Counters()
    const input = (apply: (phone: Phone, now: Now) => void): void => self?.act(now => apply(self!.phone, now))
    const received = (flow: Flow, bytes: Buffer): void => input((phone, now) => phone.received(now, flow, bytes))
    const closed = (flow: Flow, why: string): void => input((phone, now) => phone.flowClosed(now, flow, why))
    const opened = (flow: Flow): void => input((phone, now) => phone.flowOpened(now, flow))
    const datagrams = new Datagrams({ received, failed: closed }, counters)
    // The box's certificate is self-signed here.
    const dial = { verifiesPeers: false, ca: '' }
    const doors = new Doors({ certificates, dial, isAllowedOrigin: () => true, counters, log: silentLog })
    const streams = new Streams({ opened, received, closed }, counters, entropy, doors)
    const listener = (of: Transport) => ({ transport: of, endpoint: { address, port: 0 }, key: 'phone' })
    const isDatagram = transport === 'udp'
    const sip = isDatagram ? await datagrams.listen(listener('udp')) : await streams.listen('sip', listener(transport))
    const msrp = await streams.listen('msrp', listener('tcp'))
    const secureMsrp = certificates && {
      endpoint: await streams.listen('msrp', listener('tls')),
      fingerprint: certificates.fingerprint,
    }
    const phone = new Phone({
      user,
      domain: DOMAIN,
      password: passwordOf(user),
      server: { transport, address, port: boxPort },
      sip: [{ transport, endpoint: sip }],
      msrp,
      ...(secureMsrp && { secureMsrp }),
      entropy,
    })
    self = new RealPhone(phone, datagrams, streams)
    streams.open()
    return self
  }

  get inbox(): PhoneInbox {
    return this.phone.inbox
  }

  /** One input; then everything that came of it leaves. */
  act<T>(action: (now: Now) => T): T | undefined {
    if (this.#isClosed) return undefined
    const result = action(systemNow())
    for (const output of this.phone.drain()) {
      const { kind, flow } = output
      if (kind === 'connect') this.#streams.connect(flow)
      else if (kind === 'close') this.#streams.close(flow)
      else if (kind === 'hold') this.#streams.hold(flow, output.isHeld)
      else if (flow.transport === 'udp') this.#datagrams.send(flow, output.bytes)
      else this.#streams.write(flow, output.bytes)
    }
    this.#arm()
    return result
  }

  /** Final status of a REGISTER; 408 without an answer. */
  async register(options: RegisterOptions = {}): Promise<number> {
    let status: number | undefined
    this.act(now => this.phone.register(now, options, (_then, response) => (status = response?.status ?? 408)))
    return until('an answer to REGISTER', ANSWER_MS, () => status)
  }

  /** On its way when this returns. */
  send(options: MessageOptions): Sent {
    return this.act(now => this.phone.message(now, options))!
  }

  /** Answered when this resolves. */
  async message(options: MessageOptions): Promise<Sent> {
    const sent = this.send(options)
    await until('an answer to MESSAGE', ANSWER_MS, () => sent.status)
    return sent
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#streams.closeAll(CLOSE_MS)
    await this.#datagrams.close()
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const next = this.phone.nextTimeout()
    if (next === undefined) return
    const delay = Math.max(0, Math.ceil(next - performance.now()))
    this.#timer = setTimeout(() => this.act(now => this.phone.timeout(now)), delay)
  }
}
