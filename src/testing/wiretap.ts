import { sendsIn } from './sends.ts'
import type { Station } from './simulated-network.ts'
import type { World } from './world.ts'

interface Heard {
  readonly from: string
  readonly bytes: Buffer
}

/** Everything that is sent in a world from now on. SIP over UDP is told apart by datagram; streams are MSRP. */
export class Wiretap {
  readonly #sip: Heard[] = []
  readonly #msrp: Heard[] = []

  constructor(world: World) {
    world.network.onTransmit = (from: Station, flow, bytes) => {
      const heard = { from: from.name, bytes: Buffer.from(bytes) }
      if (flow.protocol === 'msrp') this.#msrp.push(heard)
      else this.#sip.push(heard)
    }
  }

  /** SIP messages whose start line begins so, in order, repetitions too. */
  sip(start: string): Buffer[] {
    return this.#sip.flatMap(({ bytes }) => (bytes.toString('latin1', 0, start.length) === start ? [bytes] : []))
  }

  /** SENDs of that station with that Message-ID, as they were sent. */
  sends(from: Station, messageId: string): Buffer[] {
    const wire = this.#msrp.flatMap(heard => (heard.from === from.name ? [heard.bytes] : []))
    return sendsIn(Buffer.concat(wire)).filter(send => send.includes(`\r\nMessage-ID: ${messageId}\r\n`))
  }
}

/** Less credentials, which no history keeps, and the Via into which the box wrote where the request came from (RFC 3261 18.2.1). */
export const asKept = (message: Buffer): string =>
  message.toString('latin1').replace(/^(Via|Proxy-Authorization|Authorization): .*\r\n/gm, '')

/** Up to the empty line. */
export const headOf = (message: Buffer): Buffer => message.subarray(0, message.indexOf('\r\n\r\n') + 2)
