/**
 * Visitors of the Status page, for page-latency.sh: signs in, says so by a line, and fetches it for some seconds. `one`: again 100 ms after
 * each answer. `ten`: ten pages as a browser has them open, whose figures are fetched every 10 s and the rest every 60 s, begun at different moments.
 * The last line: visits, p50, p95, p99 (ms), and answers other than a whole page.
 */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { askApi, PASSWORD } from '../src/interop/browser.ts'

const [port = '', out = '', pages = 'one', seconds = '10'] = process.argv.slice(2)
const PAUSE_MS = 100
const PAGES = 10
const WARM_VISITS = 30
const FIGURES_MS = 10_000
const agent = new Agent({ keepAlive: true })

interface Answer {
  readonly status: number
  readonly text: string
  readonly cookie: string
  readonly ms: number
}

function ask(path: string, cookie: string, form?: string): Promise<Answer> {
  const since = performance.now()
  const headers = { cookie, ...(form && { 'content-type': 'application/x-www-form-urlencoded' }) }
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, path, method: form ? 'POST' : 'GET', headers }, response => {
      let text = ''
      response.on('data', part => (text += part))
      response.on('error', reject)
      response.on('end', () => {
        const [set = ''] = response.headers['set-cookie']?.[0]?.split(';') ?? []
        resolve({ status: response.statusCode!, text, cookie: set, ms: performance.now() - since })
      })
    })
    sent.on('error', reject)
    sent.end(form)
  })
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const printed = /^ +admin +(\S+)$/m.exec(readFileSync(out, 'utf8'))![1]!
const box = { httpPort: Number(port) }
await askApi(box, '/password', { method: 'PUT', body: { old: printed, new: PASSWORD }, password: printed })
await askApi(box, '/setup/finish', { method: 'POST', body: {} })
const { cookie } = await ask('/login', '', new URLSearchParams({ name: 'admin', password: PASSWORD }).toString())
// As of a box that has been looked at before.
for (let count = 0; count < WARM_VISITS; count++) await ask('/', cookie)
console.log('signed in')

const times: number[] = []
let wrong = 0
const end = performance.now() + Number(seconds) * 1000
async function visit(): Promise<void> {
  const answer = await ask('/', cookie)
  times.push(answer.ms)
  if (answer.status !== 200 || !answer.text.includes('id="figures"')) wrong++
}
async function again(first: number, everyMs: number): Promise<void> {
  await pause(first)
  while (performance.now() < end) {
    await visit()
    await pause(everyMs)
  }
}
if (pages === 'one') await again(0, PAUSE_MS)
else
  await Promise.all(
    Array.from({ length: PAGES }, async (_, index) => {
      const first = (index * FIGURES_MS) / PAGES
      // The page when it is opened, then its three parts in their turn.
      await Promise.all([again(first, FIGURES_MS), again(first, 6 * FIGURES_MS), again(first, 6 * FIGURES_MS)])
    }),
  )
agent.destroy()
times.sort((a, b) => a - b)
const at = (share: number): string => (times[Math.floor(times.length * share)] ?? Number.NaN).toFixed(1)
console.log(times.length, at(0.5), at(0.95), at(0.99), wrong)
