import { udpFlow } from '../base/flow.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseMessage } from '../sip-parser-lite/parse.ts'

/** Readings of both clocks for tests that need a few and not a clock: seconds after noon of some day. */
export const atSecond = (seconds: number, isWallTrusted = true): Now => ({
  at: (1000 + seconds * 1000) as Instant,
  wall: (Date.UTC(2026, 2, 1, 12) + seconds * 1000) as WallTime,
  isWallTrusted,
})

export const exampleFlow = udpFlow({ address: '192.0.2.10', port: 5060 }, { address: '198.51.100.7', port: 40_123 })

/**
 * A request from bob's phone to bob's own address as it comes off the wire; `lines` replace headers of the same name.
 */
export function exampleRequest(method: string, uri: string, lines: readonly string[] = [], body = ''): SipRequest {
  const names = new Set(lines.map(nameOf))
  const head = [
    'Via: SIP/2.0/UDP 198.51.100.7:40123;branch=z9hG4bKexample',
    'Max-Forwards: 70',
    'From: <sip:bob@example.org>;tag=b1',
    'To: <sip:bob@example.org>',
    'Call-ID: example-1',
    `CSeq: 1 ${method}`,
  ].filter(line => !names.has(nameOf(line)))
  const text = [`${method} ${uri} SIP/2.0`, ...head, ...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body]
  const message = parseMessage(Buffer.from(text.join('\r\n'), 'utf8'))
  if (message.kind !== 'request') throw new TypeError('not a request')
  return message
}

const nameOf = (line: string): string => line.slice(0, line.indexOf(':')).toLowerCase()

export const exampleRegister = (...lines: string[]): SipRequest => exampleRequest('REGISTER', 'sip:example.org', lines)
