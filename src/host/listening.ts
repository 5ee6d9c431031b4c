import type { Endpoint, Flow, Transport } from '../base/flow.ts'

/** A listener that stands, or should. */
export interface Listening {
  readonly use: 'SIP' | 'MSRP' | 'HTTP'
  readonly transport: Transport
  /** With the port that it got. */
  readonly endpoint: Endpoint
  /** What came in so far: datagrams, connections that stand, requests over HTTP. */
  readonly entered: number
  /** Connections that were turned away, as there were too many. */
  readonly refused: number
  /** Closed and opened again at the same place; connections that stand are left. Rejects where it cannot be: then it is closed. */
  reopen(): Promise<void>
}

export const useOf = (protocol: Flow['protocol']): 'SIP' | 'MSRP' => (protocol === 'sip' ? 'SIP' : 'MSRP')
