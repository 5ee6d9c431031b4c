import { type Entropy, token } from '../../base/entropy.ts'
import { hostPort } from '../../base/flow.ts'
import type { TestStep } from '../../services/diagnosis.ts'
import { type Channel, openChannel, type Place } from './channel.ts'
import { type Heard, heardWithin, type Limited, stopwatch } from './limited.ts'

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
  const heard = await msrpHeard(ask, limited)
  if ('failure' in heard) return { what, isOk: false, result: heard.failure }
  const { answer: status, time } = heard
  if (status === undefined) return { what, isOk: true, result: `connected, ${time}` }
  const isOk = status === 481
  return { what, isOk, result: `${status}${isOk ? ' as it should be' : ', where 481 was due'}, ${time}` }
}

/** Its status; undefined: it is connected, and nothing was asked. Never rejects. */
export const msrpHeard = (ask: MsrpAsk, limited: Limited): Promise<Heard<number | undefined>> =>
  heardWithin(limited, ANSWER_MS, signal => asked(ask, signal))

function asked(ask: MsrpAsk, signal: AbortSignal): Promise<{ answer: number | undefined; time: string }> {
  return new Promise((resolve, reject) => {
    let time = stopwatch()
    let heard = ''
    const id = token(ask.entropy, 60)
    const received = (bytes: Buffer): void => {
      heard = (heard + bytes.toString('latin1')).slice(0, ANSWER_BYTES_MAX)
      const [, found, status] = /^MSRP (\S+) (\d{3})[ \r]/.exec(heard) ?? []
      if (found === id && heard.includes(`-------${id}$`)) resolve({ answer: Number(status), time: time() })
    }
    openChannel(ask.place, { received, failed: reject }, signal)
      .then(channel => {
        if (!ask.isOwn) return resolve({ answer: undefined, time: time() })
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
