import { read as readFile } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { SerialPort } from 'serialport'
import type { FlowControl } from '../../base/config-schema.ts'
import { native } from '../native.ts'
import { codeOf, messageOf, reasonOf } from '../plain-error.ts'

const read = promisify(readFile)

/** A screen of text: a session hears of a slow line before more than that is under way. */
const UNDER_WAY_BYTES = 2048

/** Of uv_poll_t. */
const POLLED = { readable: 1, writable: 2, disconnect: 4 }

type Polled = (refused: Error | null) => void

interface Poller {
  once(event: keyof typeof POLLED, done: Polled): unknown
  on(event: keyof typeof POLLED, done: Polled): unknown
  /** For these, and nothing else. */
  poll(events: number): void
}

/** What serialport keeps of an open line on Linux. */
interface Binding {
  readonly fd: number | null
  readonly poller: Poller
  read(buffer: Buffer, offset: number, length: number): Promise<{ bytesRead: number; buffer: Buffer }>
}

/** 8N1, and whoever comes second gets an error. Rejects with the reason, in words. */
export async function openSerialPort(device: string, baud: number, flowControl: FlowControl): Promise<SerialPort> {
  const { SerialPort } = await import('serialport')
  const port = new SerialPort({
    path: device,
    baudRate: baud,
    rtscts: flowControl === 'rtscts',
    // XON, XOFF: what comes is heeded (IXON), and sent (IXOFF).
    ...{ xon: flowControl === 'xonxoff', xoff: flowControl === 'xonxoff' },
    autoOpen: false,
    lock: true,
    highWaterMark: UNDER_WAY_BYTES,
  })
  const error = await new Promise<Error | null>(resolve => port.open(resolve))
  if (error) throw new Error(await whyNot(device, messageOf(error)))
  const binding = port.port as unknown as Binding
  // Beside the lock of serialport, which only those see who look for one (flock(2)).
  const addon = native()
  if (binding.fd !== null && !('missing' in addon)) addon.terminalExclusive(binding.fd)
  binding.read = (buffer, offset, length) => readOrHangUp(binding, buffer, offset, length)
  if (flowControl !== 'none') watchUnread(port, binding.poller)
  return port
}

/**
 * While whoever types is to wait nobody reads, so that reading tells of no hang-up. And serialport would poll again and again for whatever
 * was ever waited for: without end where something lies there unread.
 */
function watchUnread(port: SerialPort, poller: Poller): void {
  const { once } = poller
  let awaited = 0
  poller.once = (event, done) => {
    awaited |= POLLED[event]
    once.call(poller, event, done)
    poller.poll(awaited)
  }
  for (const event of ['readable', 'writable'] as const)
    poller.on(event, refused => {
      if (refused) return
      awaited &= ~POLLED[event]
      poller.poll(awaited)
    })
  poller.once('disconnect', refused => {
    const error = hungUp(refused ?? undefined)
    if (!('canceled' in error) && port.isOpen) port.close(undefined, error)
  })
}

/** A line that hung up reads as nothing, without end and without an error; serialport would go on asking. */
async function readOrHangUp(binding: Binding, buffer: Buffer, offset: number, length: number) {
  for (;;) {
    if (binding.fd === null) throw Object.assign(new Error('closed'), { canceled: true })
    try {
      const { bytesRead } = await read(binding.fd, buffer, offset, length, null)
      if (bytesRead > 0) return { bytesRead, buffer }
      throw hungUp()
    } catch (error) {
      if (!['EAGAIN', 'EINTR'].includes(codeOf(error))) throw error
      await new Promise<void>((resolve, reject) => {
        // What the poller has for a line that hung up is EBADF.
        binding.poller.once('readable', refused => (refused ? reject(hungUp(refused)) : resolve()))
      })
    }
  }
}

/** `canceled`: we closed it ourselves. */
const hungUp = (by?: object): Error =>
  Object.assign(new Error('the other side hung up'), by && 'canceled' in by && { canceled: by.canceled })

/** serialport tells the system's text without its code. */
async function whyNot(device: string, text: string): Promise<string> {
  if (/Cannot lock port|Device or resource busy/.test(text)) return 'another program has it open'
  try {
    await access(device, constants.R_OK | constants.W_OK)
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'there is no such device' : reasonOf(error)
  }
  return text
    .replace(/^Error:? /, '')
    .replace(/, cannot open.*$/, '')
    .replace(/ setting custom baud rate.*$/, '')
}
