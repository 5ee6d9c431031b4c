import type { Counters } from '../base/counters.ts'
import { type Entropy, token } from '../base/entropy.ts'
import type { Endpoint, Flow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import { Connection } from './connection.ts'
import { firstUri } from './frame.ts'
import type { MsrpHost, MsrpOutputs } from './host.ts'
import { MSRP_LIMITS, type MsrpLimits } from './limits.ts'
import { Peers } from './peers.ts'
import { Relay } from './relay.ts'
import type { MsrpRelay, RelayEvents, RelayOptions } from './relay-types.ts'
import {
  type MsrpSession,
  type MsrpSessionEvents,
  type MsrpSessionOptions,
  Session,
  type SessionLeg,
} from './session.ts'
import { formatMsrpUri, isNumericHost, MSRP_PORT, type MsrpUri, parseMsrpUri } from './uri.ts'

export interface MsrpListener {
  readonly transport: 'tcp' | 'tls'
  readonly endpoint: Endpoint
}

interface MsrpOptions {
  /** Host of local paths: a name, or a numeric address. */
  readonly hostname: string
  readonly listeners: readonly MsrpListener[]
  readonly timers: Timers
  readonly entropy: Entropy
  readonly outputs: MsrpOutputs
  readonly counters: Counters
  readonly log: Log
  readonly limits?: Partial<MsrpLimits>
}

type SessionOptions = MsrpSessionOptions & { readonly leg?: SessionLeg }

/** RFC 4975 14.1 wants 80 bits. */
const SESSION_ID_BITS = 80

/** Sessions that `describe` shows one by one. */
const DESCRIBED_MAX = 100

/** All MSRP of the box: its connections, the sessions bound to them, and which request belongs to whom. */
export class MsrpEndpoint {
  readonly #options: MsrpOptions
  readonly #host: MsrpHost
  readonly #limits: MsrpLimits
  readonly #connections = new Map<string, Connection>()
  /** Those we opened, by where to. */
  readonly #opened = new Map<string, Connection>()
  readonly #accepted = new Peers()
  readonly #sessions = new Map<string, Session>()
  readonly #bySessionId = new Map<string, Session>()
  readonly #relays = new Set<Relay>()
  readonly #awake = new Set<Connection>()
  #depth = 0

  constructor(options: MsrpOptions) {
    const { timers, entropy, counters, log, outputs } = options
    this.#options = options
    this.#limits = { ...MSRP_LIMITS, ...options.limits }
    this.#host = {
      ...{ timers, entropy, counters, log, outputs, limits: this.#limits },
      budget: { left: this.#limits.assemblyBytes },
      relayRoom: { left: this.#limits.relaysWaitingBytes },
      run: (now, work) => this.#run(now, work),
      wakes: connection => this.#awake.add(connection),
      sessionAt: toPath => this.#sessionAt(toPath),
      connectionTo: (uri, address) => this.#connectionTo(uri, address),
      forget: (now, session, connection) => this.#forget(now, session, connection),
      drop: (now, connection, reason) => this.#drop(now, connection, reason, true),
    }
  }

  /** A session that can be offered at once; a peer may connect before `start`. Past the bound it fails when started. */
  open(events: MsrpSessionEvents, options: MsrpSessionOptions = {}): MsrpSession {
    return this.#open(events, options)
  }

  /** A session of two others that passes through us, as `relay-types.ts` says. `closed` from the start where there may be no more of them. */
  relay(options: RelayOptions, events: RelayEvents): MsrpRelay {
    const isFull = this.#relays.size >= this.#limits.relays || this.#sessions.size + 2 > this.#limits.sessions
    const open = (of: MsrpSessionEvents, more: SessionOptions): Session =>
      isFull ? this.#unknown(of, more) : this.#open(of, more)
    const relay = new Relay(this.#host, options, events, open, () => this.#relays.delete(relay))
    if (isFull) {
      this.#options.counters.count('msrp_relays_refused')
      relay.refuse()
    } else this.#relays.add(relay)
    return relay
  }

  /** A peer connected, or a connection of ours stands: with TLS `flow` then has the peer's fingerprints. */
  flowOpened(now: Now, flow: Flow): void {
    const ours = this.#connections.get(flow.id)
    if (ours) {
      this.#run(now, () => ours.opened(now, flow))
      return
    }
    const { counters, outputs } = this.#options
    const { address } = flow.remote
    const isFull = this.#connections.size >= this.#limits.connections
    if (isFull || this.#accepted.count(address) >= this.#limits.connectionsPerAddress) {
      counters.count('msrp_connection_refused', isFull ? 'total' : 'address')
      outputs.close(flow)
      return
    }
    counters.count('msrp_connection', 'accepted')
    this.#accepted.add(address)
    const connection = new Connection(this.#host, flow, false)
    this.#connections.set(flow.id, connection)
    connection.unbound(now)
  }

  received(now: Now, flow: Flow, bytes: Buffer): void {
    const connection = this.#connections.get(flow.id)
    if (connection) this.#run(now, () => connection.received(now, bytes))
  }

  flowClosed(now: Now, flow: Flow, reason: string): void {
    const connection = this.#connections.get(flow.id)
    if (connection) this.#run(now, () => this.#drop(now, connection, `connection lost: ${reason}`, false))
  }

  /** What was transmitted waits for the peer to take it, more than it should; or no longer. */
  flowFull(now: Now, flow: Flow, isFull: boolean): void {
    const connection = this.#connections.get(flow.id)
    if (connection) this.#run(now, () => connection.fill(now, isFull))
  }

  describe(): object {
    const sessions = [...this.#sessions.values()].slice(0, DESCRIBED_MAX)
    return {
      connections: this.#connections.size,
      sessions: this.#sessions.size,
      unanswered: [...this.#connections.values()].reduce((sum, connection) => sum + connection.unanswered, 0),
      assemblyBytesLeft: this.#host.budget.left,
      relays: {
        open: this.#relays.size,
        unanswered: [...this.#relays].reduce((sum, relay) => sum + relay.unanswered, 0),
        waitingBytesLeft: this.#host.relayRoom.left,
      },
      session: sessions.map(session => ({
        state: session.state,
        remotePath: session.remotePath,
        outstanding: session.outstanding,
        flow: session.connection?.flow.id,
      })),
    }
  }

  #unknown(events: MsrpSessionEvents, options: SessionOptions): Session {
    const sessionId = token(this.#options.entropy, SESSION_ID_BITS)
    return new Session(this.#host, this.#localPath(sessionId, options), events, options)
  }

  #open(events: MsrpSessionEvents, options: SessionOptions): Session {
    const session = this.#unknown(events, options)
    if (this.#sessions.size >= this.#limits.sessions) {
      this.#options.counters.count('msrp_sessions_refused')
      session.refuse('too many sessions')
      return session
    }
    this.#sessions.set(session.localPath, session)
    this.#bySessionId.set(parseMsrpUri(session.localPath)?.sessionId ?? '', session)
    return session
  }

  #run(now: Now, work: () => void): void {
    this.#depth++
    try {
      work()
      if (this.#depth === 1) this.#drain(now)
    } finally {
      this.#depth--
    }
  }

  #drain(now: Now): void {
    for (const connection of this.#awake) {
      // First, so that a callback of the pump can wake it again.
      this.#awake.delete(connection)
      connection.pump(now)
      connection.flush()
    }
  }

  #localPath(sessionId: string, { transport = 'tcp', host = this.#options.hostname }: MsrpSessionOptions): string {
    const listeners = this.#options.listeners.filter(listener => listener.transport === transport)
    const listener = listeners.find(({ endpoint }) => isNumericHost(host) && isSameFamily(endpoint.address, host))
    const port = (listener ?? listeners[0])?.endpoint.port ?? MSRP_PORT
    const scheme = transport === 'tls' ? 'msrps' : 'msrp'
    return formatMsrpUri({ scheme, host, port, sessionId, transport: 'tcp' })
  }

  /**
   * RFC 4975 6.1 and 7.3. The session id alone is unguessable and decides: a gateway that rewrote the host of our path
   * in SDP makes the peer write a To-Path that is not literally ours.
   */
  #sessionAt(toPath: string): Session | undefined {
    const first = firstUri(toPath)
    const session = this.#sessions.get(first) ?? this.#bySessionId.get(parseMsrpUri(first)?.sessionId ?? '')
    // Only what passes through us has a path that goes on.
    return first === toPath || session?.leg ? session : undefined
  }

  /** RFC 4975 5.4: one connection serves every session to the same address, port and scheme. */
  #connectionTo(uri: MsrpUri, address: string): Connection | undefined {
    const transport = uri.scheme === 'msrps' ? 'tls' : 'tcp'
    const remote = { address, port: uri.port ?? MSRP_PORT }
    const key = `${transport} ${remote.address} ${remote.port}`
    const open = this.#opened.get(key)
    if (open) return open
    if (this.#connections.size >= this.#limits.connections) return undefined
    const id = `msrp/${token(this.#options.entropy, 60)}`
    const flow: Flow = { id, protocol: 'msrp', transport, local: this.#localFor(transport, address), remote }
    const connection = new Connection(this.#host, flow, true)
    this.#connections.set(id, connection)
    this.#opened.set(key, connection)
    this.#options.counters.count('msrp_connection', 'opened')
    this.#options.outputs.connect(flow)
    return connection
  }

  #localFor(transport: 'tcp' | 'tls', remote: string): Endpoint {
    const fits = (listener: MsrpListener) =>
      listener.transport === transport && isSameFamily(listener.endpoint.address, remote)
    const address = this.#options.listeners.find(fits)?.endpoint.address ?? (remote.includes(':') ? '::' : '0.0.0.0')
    return { address, port: 0 }
  }

  #forget(now: Now, session: Session, connection: Connection | undefined): void {
    this.#sessions.delete(session.localPath)
    this.#bySessionId.delete(parseMsrpUri(session.localPath)?.sessionId ?? '')
    if (!connection || connection.isClosed) return
    connection.sessions.delete(session)
    if (connection.sessions.size > 0) return
    if (connection.isOutgoing) this.#drop(now, connection, 'no session left', true)
    else connection.unbound(now)
  }

  #drop(now: Now, connection: Connection, reason: string, isOurs: boolean): void {
    if (connection.isClosed) return
    if (isOurs) connection.flush()
    connection.end()
    this.#awake.delete(connection)
    this.#connections.delete(connection.flow.id)
    this.#uncount(connection)
    if (isOurs) this.#options.outputs.close(connection.flow)
    this.#options.log.debug('msrp connection closed', { flow: connection.flow.id, reason })
    for (const session of [...connection.sessions]) session.fail(now, reason)
  }

  #uncount({ flow, isOutgoing }: Connection): void {
    if (isOutgoing) this.#opened.delete(`${flow.transport} ${flow.remote.address} ${flow.remote.port}`)
    else this.#accepted.remove(flow.remote.address)
  }
}

const isSameFamily = (a: string, b: string): boolean => a.includes(':') === b.includes(':')
