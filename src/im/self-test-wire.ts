import type { Flow } from '../base/flow.ts'
import type { WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import type { Listener } from '../sip/transport.ts'
import { addLast } from '../sip-parser-lite/access.ts'
import { encodeMessage } from '../sip-parser-lite/encode.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'

/** RFC 2606 2: nobody can be at this host, and no domain that is served has it. */
const HOST = 'self-test.restante.invalid'
const URI = `sip:${HOST}`

/** Longer than a test takes. */
const BOUND_MS = 600_000

/**
 * A flow whose other end is in this engine. As one of a WebSocket nobody connects to it once it is gone (RFC 7118 5.1); the address is
 * none that a peer can have (RFC 1122 3.2.1.3).
 */
export const innerFlow = (run: string, count: number, listener: Listener): Flow => ({
  id: `self-test/${run}/${count}`,
  protocol: 'sip',
  transport: 'ws',
  local: listener.endpoint,
  remote: { address: '0.0.0.0', port: 0 },
})

/** What is sent, from and to nobody whom there is. */
export function testMessage(callId: string, branch: string): Buffer {
  const body = Buffer.from('self-test')
  const request: SipRequest = { kind: 'request', method: 'MESSAGE', uri: URI, headers: [], body }
  const headers: readonly [string, string][] = [
    ['Via', `SIP/2.0/WS ${HOST};branch=z9hG4bK${branch}`],
    ['Max-Forwards', '70'],
    ['From', `<${URI}>;tag=${branch}`],
    ['To', `<${URI}>`],
    ['Call-ID', callId],
    ['CSeq', '1 MESSAGE'],
    ['Content-Type', 'text/plain'],
  ]
  for (const [name, value] of headers) addLast(request, name, value)
  return encodeMessage(request)
}

/** Where the receiver of the test is: at the other end of that flow alone (RFC 5626 5.3). */
export const testBinding = (flow: Flow, wall: WallTime): Binding => ({
  contact: `${URI};transport=ws`,
  params: '',
  instance: 'self-test',
  regId: 1,
  q: 1000,
  callId: flow.id,
  cseq: 1,
  registeredAt: wall,
  expiresAt: (wall + BOUND_MS) as WallTime,
  path: [],
  flow,
  isInstantMessaging: false,
})
