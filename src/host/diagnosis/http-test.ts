import { hostPort } from '../../base/flow.ts'
import { openChannel, type Place } from './channel.ts'
import { type Heard, heardWithin, type Limited, stopwatch } from './limited.ts'

const ANSWER_MS = 4000
/** The status line and what may come with it before it is whole. */
const ANSWER_BYTES_MAX = 1024

/** The status of `GET /healthz`, whatever it says of the box. Never rejects. */
export const healthzHeard = (place: Place, limited: Limited): Promise<Heard<number>> =>
  heardWithin(limited, ANSWER_MS, signal => asked(place, signal))

function asked(place: Place, signal: AbortSignal): Promise<{ answer: number; time: string }> {
  return new Promise((resolve, reject) => {
    const time = stopwatch()
    let heard = ''
    const received = (bytes: Buffer): void => {
      heard = (heard + bytes.toString('latin1')).slice(0, ANSWER_BYTES_MAX)
      const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(heard) ?? []
      if (status !== undefined) resolve({ answer: Number(status), time: time() })
    }
    openChannel(place, { received, failed: reject }, signal)
      .then(channel =>
        channel.send(Buffer.from(`GET /healthz HTTP/1.1\r\nHost: ${hostPort(place)}\r\nConnection: close\r\n\r\n`)),
      )
      .catch(reject)
  })
}
