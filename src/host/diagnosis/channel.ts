import { createSocket } from 'node:dgram'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import { type Endpoint, hostPort, type Transport } from '../../base/flow.ts'
import { endpointOf } from '../addresses.ts'

/** Where a test connects to. */
export interface Place extends Endpoint {
  readonly transport: Transport
  /** Connects as the box does to others, and checks who it is; absent: it is the box itself, whatever its certificate says. */
  readonly dial?: (() => TLSSocket) | undefined
}

/** A socket of its own for one test, so that what it finds is what somebody else would find. */
export interface Channel {
  /** Of this side; of a WebSocket unknown. */
  readonly local: Endpoint | undefined
  send(bytes: Buffer): void
  close(): void
}

interface Heard {
  received(bytes: Buffer): void
  /** After it stood. */
  failed(error: Error): void
}

/** Answers larger than this are none to a test. */
const MESSAGE_BYTES_MAX = 65_536

/** Stands, or rejects with what the system or the other side says. Whoever gives up before that aborts the signal. */
export function openChannel(place: Place, heard: Heard, signal: AbortSignal): Promise<Channel> {
  if (place.transport === 'udp') return openDatagrams(place, heard, signal)
  if (place.transport === 'ws' || place.transport === 'wss') return openWebSocket(place, heard, signal)
  return openStream(place, heard, signal)
}

function openDatagrams({ address, port }: Place, heard: Heard, signal: AbortSignal): Promise<Channel> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  let isOpen = true
  const close = (): void => {
    signal.removeEventListener('abort', close)
    if (isOpen) socket.close()
    isOpen = false
  }
  signal.addEventListener('abort', close)
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.on('message', bytes => heard.received(bytes))
    // Connected, so that the system tells of a port that nobody listens on.
    socket.connect(port, address, () => {
      if (!isOpen) return
      socket.off('error', reject)
      socket.on('error', error => heard.failed(error))
      const local = socket.address()
      resolve({
        local: endpointOf(local.address, local.port),
        send: bytes => isOpen && socket.send(bytes, error => error && heard.failed(error)),
        close,
      })
    })
  })
}

function openStream(place: Place, heard: Heard, signal: AbortSignal): Promise<Channel> {
  const { transport, address: host, port, dial } = place
  const isSecure = transport === 'tls'
  const socket: Socket = isSecure
    ? (dial?.() ?? connectTls({ host, port, rejectUnauthorized: false }))
    : connectTcp({ host, port, noDelay: true })
  const close = (): void => {
    signal.removeEventListener('abort', close)
    socket.destroy()
  }
  signal.addEventListener('abort', close)
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      reject(error)
      heard.failed(error)
    }
    socket.on('error', failed)
    socket.on('close', () => failed(new Error('closed by the other side')))
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      socket.on('data', bytes => heard.received(bytes))
      const local = endpointOf(socket.localAddress, socket.localPort)
      resolve({ local, send: bytes => socket.write(bytes), close })
    })
  })
}

function openWebSocket(place: Place, heard: Heard, signal: AbortSignal): Promise<Channel> {
  const scheme = place.transport === 'wss' ? 'wss' : 'ws'
  const webSocket = new WebSocket(`${scheme}://${hostPort(place)}/`, 'sip', {
    rejectUnauthorized: false,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
  })
  const close = (): void => {
    signal.removeEventListener('abort', close)
    webSocket.terminate()
  }
  signal.addEventListener('abort', close)
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      reject(error)
      heard.failed(error)
    }
    webSocket.on('error', failed)
    webSocket.on('close', () => failed(new Error('closed by the other side')))
    webSocket.on('message', bytes => heard.received(bytes as Buffer))
    webSocket.once('open', () => resolve({ local: undefined, send: bytes => webSocket.send(bytes.toString()), close }))
  })
}
