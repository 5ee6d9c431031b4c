import { type Entropy, token } from '../../base/entropy.ts'
import { hostPort } from '../../base/flow.ts'
import type { TestStep } from '../../services/diagnosis.ts'
import { type Channel, openChannel, type Place } from './channel.ts'
import { type Limited, stopwatch } from './limited.ts'
import { lateAfter, toldError } from './told-error.ts'

const ANSWER_MS = 4000
/** RFC 4975 7.2: start line and two paths. */
const ANSWER_BYTES_MAX = 4096

interface MsrpAsk {
  readonly place: Place
  /** In From-Path and To-Path. */
  readonly hostname: string
  readonly entropy: Entropy
  /** Of our own listener it is known what it answers; what a stranger's does with a session that is none, is not ours to try. */
  readonly isOwn: boolean
}

/** A connection; and over it a SEND of no session, which has to be answered 481 (RFC 4975 7.3). */
export async function msrpTo(ask: MsrpAsk, limited: Limited): Promise<TestStep> {
  const { place, isOwn } = ask
  const what = `${isOwn ? 'SEND of no session' : 'Connection'} to ${hostPort(place)} over ${place.transport.toUpperCase()}`
  const mostMs = Math.min(ANSWER_MS, limited.leftMs)
  const ending = new AbortController()
  try {
    const answer = await limited.of(asked(ask, ending.signal), mostMs)
    if (answer === 'stopped') return { what, isOk: false, result: 'Stopped.' }
    if (answer === 'late') return { what, isOk: false, result: lateAfter(mostMs) }
    const { status, time } = answer
    if (status === undefined) return { what, isOk: true, result: `connected, ${time}` }
    const isOk = status === 481
    return { what, isOk, result: `${status}${isOk ? ' as it should be' : ', where 481 was due'}, ${time}` }
  } catch (error) {
    return { what, isOk: false, result: toldError(error) }
  } finally {
    ending.abort()
  }
}

interface Answer {
  readonly status: number | undefined
  readonly time: string
}

function asked(ask: MsrpAsk, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let time = stopwatch()
    let heard = ''
    const id = token(ask.entropy, 60)
    const received = (bytes: Buffer): void => {
      heard = (heard + bytes.toString('latin1')).slice(0, ANSWER_BYTES_MAX)
      const [, found, status] = /^MSRP (\S+) (\d{3})[ \r]/.exec(heard) ?? []
      if (found === id && heard.includes(`-------${id}$`)) resolve({ status: Number(status), time: time() })
    }
    openChannel(ask.place, { received, failed: reject }, signal)
      .then(channel => {
        if (!ask.isOwn) return resolve({ status: undefined, time: time() })
        time = stopwatch()
        channel.send(sendOfNoSession(ask, id, channel))
      })
      .catch(reject)
  })
}

function sendOfNoSession({ place, hostname, entropy }: MsrpAsk, id: string, channel: Channel): Buffer {
  const scheme = place.transport === 'tls' ? 'msrps' : 'msrp'
  const path = (host: string, port: number): string => `${scheme}://${host}:${port}/${token(entropy, 80)};tcp`
  return Buffer.from(
    [
      `MSRP ${id} SEND`,
      `To-Path: ${path(hostname.includes(':') ? `[${hostname}]` : hostname, place.port)}`,
      `From-Path: ${path('test.invalid', channel.local?.port ?? 9)}`,
      `Message-ID: ${token(entropy, 60)}`,
      'Byte-Range: 1-0/0',
      `-------${id}$\r\n`,
    ].join('\r\n'),
  )
}
