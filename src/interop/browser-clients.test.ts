import t from 'tap'
import { WebSocket } from 'ws'
import { whileAway } from './away.ts'
import { JsSipClient } from './jssip.ts'
import { SipJsClient } from './sipjs.ts'

t.setTimeout(120_000)

t.test('RFC 7118: JsSIP writes to an absent SIP.js over WebSocket, and back', async t => {
  await whileAway(t, 'ws', JsSipClient.start, SipJsClient.start)
})

t.test('RFC 7118: SIP.js writes to an absent JsSIP over WebSocket with TLS, and back', async t => {
  // The one that Node.js has trusts no certificate that a box made for itself, and a browser only when its user says so.
  const ofNode = globalThis.WebSocket
  t.teardown(() => {
    globalThis.WebSocket = ofNode
  })
  class Trusting extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, { rejectUnauthorized: false })
    }
  }
  Object.assign(globalThis, { WebSocket: Trusting })
  await whileAway(t, 'wss', SipJsClient.start, JsSipClient.start)
})
