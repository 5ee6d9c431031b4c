import { type Entropy, token } from '../../base/entropy.ts'
import { hostPort, isReliable } from '../../base/flow.ts'
import { RELEASE } from '../../base/product.ts'
import type { TestStep } from '../../services/diagnosis.ts'
import { encodeMessage } from '../../sip-parser-lite/encode.ts'
import type { SipMessage, SipRequest, SipResponse } from '../../sip-parser-lite/message.ts'
import { field } from '../../sip-parser-lite/names.ts'
import { parseMessage } from '../../sip-parser-lite/parse.ts'
import { SipStream } from '../../sip-parser-lite/stream.ts'
import { type Channel, openChannel, type Place } from './channel.ts'
import { type Heard, heardWithin, type Limited, stopwatch } from './limited.ts'
import { printable } from './shown-head.ts'

/** Eight times T1, in which a datagram is repeated four times (RFC 3261 17.1.2.2). */
const ANSWER_MS = 4000
const T1_MS = 500
/** Of a stream: the answer to one OPTIONS is far shorter, and the other end may send without end. */
const HEARD_BYTES_MAX = 65_536

interface OptionsAsk {
  readonly place: Place
  readonly uri: string
  /** In From. */
  readonly hostname: string
  readonly entropy: Entropy
}

/** RFC 3261 11: asks what the server there can do, and tells what it answered. */
export async function optionsTo(ask: OptionsAsk, limited: Limited): Promise<TestStep> {
  const what = `OPTIONS to ${hostPort(ask.place)} over ${ask.place.transport.toUpperCase()}`
  const heard = await optionsHeard(ask, limited)
  if ('failure' in heard) return { what, isOk: false, result: heard.failure }
  const { status, reason } = heard.answer
  // What refuses lives; what says 5xx does not serve.
  const isOk = status < 500 || status === 501
  return { what, isOk, result: `${status} ${printable(reason).slice(0, 60)}, ${heard.time}` }
}

/** Never rejects. */
export const optionsHeard = (ask: OptionsAsk, limited: Limited): Promise<Heard<SipResponse>> =>
  heardWithin(limited, ANSWER_MS, signal => asked(ask, signal))

function asked(
  { place, uri, hostname, entropy }: OptionsAsk,
  signal: AbortSignal,
): Promise<{ answer: SipResponse; time: string }> {
  return new Promise((resolve, reject) => {
    const callId = token(entropy, 100)
    let time = stopwatch()
    const messages = messagesOf(place, message => {
      if (message.kind !== 'response' || message.status < 200) return
      const isOurs = message.headers.some(({ key, value }) => key === 'call-id' && value === callId)
      if (isOurs) resolve({ answer: message, time: time() })
    })
    openChannel(place, { received: messages, failed: reject }, signal)
      .then(channel => {
        const bytes = encodeMessage(optionsRequest({ place, uri, hostname, entropy }, callId, channel))
        time = stopwatch()
        channel.send(bytes)
        if (!isReliable(place.transport)) repeat(() => channel.send(bytes), signal)
      })
      .catch(reject)
  })
}

/** What comes, as messages; what is none is nothing to a test. */
function messagesOf(place: Place, heard: (message: SipMessage) => void): (bytes: Buffer) => void {
  if (place.transport !== 'tcp' && place.transport !== 'tls') return bytes => quietly(() => heard(parseMessage(bytes)))
  const stream = new SipStream()
  let left = HEARD_BYTES_MAX
  return bytes => {
    left -= bytes.length
    if (left < 0) return
    stream.push(bytes)
    quietly(() => {
      for (let next = stream.next(); next; next = stream.next()) if (next !== 'ping') heard(next)
    })
  }
}

function quietly(read: () => void): void {
  try {
    read()
  } catch {
    // No answer comes of it, and the test says so.
  }
}

function optionsRequest({ place, uri, hostname, entropy }: OptionsAsk, callId: string, channel: Channel): SipRequest {
  // RFC 7118 5.1: a WebSocket client has no address.
  const own = channel.local ? hostPort(channel.local) : `${token(entropy, 60)}.invalid`
  const transport = place.transport.toUpperCase()
  const rport = isReliable(place.transport) ? '' : ';rport'
  return {
    kind: 'request',
    method: 'OPTIONS',
    uri,
    headers: [
      field('Via', `SIP/2.0/${transport} ${own};branch=z9hG4bK${token(entropy, 80)}${rport}`),
      field('Max-Forwards', '70'),
      field('From', `<sip:${hostname}>;tag=${token(entropy, 60)}`),
      field('To', `<${uri}>`),
      field('Call-ID', callId),
      field('CSeq', '1 OPTIONS'),
      field('Contact', `<sip:${own};transport=${place.transport}>`),
      field('Accept', 'application/sdp'),
      field('User-Agent', RELEASE),
    ],
    body: Buffer.alloc(0),
  }
}

function repeat(send: () => void, signal: AbortSignal, ms = T1_MS): void {
  const timer = setTimeout(() => {
    send()
    repeat(send, signal, ms * 2)
  }, ms)
  signal.addEventListener('abort', () => clearTimeout(timer))
}
