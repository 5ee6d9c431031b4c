/**
 * The parts of memory.sh that speak to the box: `accounts DIR N` makes them in a store that nobody has open; `register PORT N STREAMS RATE`
 * registers all of them, some over TCP connections that stay open, with clients that refuse every message (480), RATE a second (0: as fast as they are answered), and goes on until it is stopped;
 * `pages PORT OUT` signs in and opens what looks at everything; `backup PORT FILE` writes one and fetches it; `restore PORT FILE` has it checked, which
 * is all of a restore that takes memory.
 */
import { createSocket } from 'node:dgram'
import { readFileSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { accountWithPassword } from '../src/host/accounts.ts'
import { openStore } from '../src/host/open-store.ts'
import { askApi, PASSWORD } from '../src/interop/browser.ts'

const DOMAIN = '127.0.0.1'
/** What a phone of its own each would do is done by one socket; so many REGISTERs are under way at a time. */
const OUTSTANDING = 32
const BOUND_MS = 400_000
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

async function makeAccounts(dir: string, count: number): Promise<void> {
  const store = await openStore(dir, { hostname: DOMAIN } as Parameters<typeof openStore>[1], quiet)
  const put = (user: number) => {
    const account = accountWithPassword(`sip:user${user}@${DOMAIN}`, 'x', DOMAIN, 'store')
    return new Promise(done => store.submit({ verb: 'account.put', account }, done))
  }
  for (let first = 1; first <= count; first += 500)
    await Promise.all(Array.from({ length: Math.min(500, count + 1 - first) }, (_, index) => put(first + index)))
  await store.close()
}

/** Registers users one after the other and refuses what is sent to them; `send` by datagram or by the user's own connection. */
class Phones {
  registered = 0
  asked = 0
  refused = 0
  readonly #waiting = new Map<string, () => void>()
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  register(user: number, transport: string, contact: string, send: (text: string) => void): Promise<void> {
    const call = `r${user}.${process.pid}`
    const text = [
      `REGISTER sip:${DOMAIN}:${this.#port} SIP/2.0`,
      `Via: SIP/2.0/${transport} ${contact};branch=z9hG4bK${call}`,
      `Max-Forwards: 70\r\nFrom: <sip:user${user}@${DOMAIN}>;tag=${user}`,
      `To: <sip:user${user}@${DOMAIN}>\r\nCall-ID: ${call}\r\nCSeq: 1 REGISTER`,
      `Contact: <sip:user${user}@${contact};transport=${transport.toLowerCase()}>;+sip.instance="<urn:uuid:00000000-0000-4000-8000-${String(user).padStart(12, '0')}>"`,
      'User-Agent: A phone as there are many/1.2.3 (bench)\r\nSupported: path, gruu, outbound\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n',
    ].join('\r\n')
    return new Promise(done => {
      this.#waiting.set(call, done)
      send(text)
      const again = setInterval(() => (this.#waiting.has(call) ? send(text) : clearInterval(again)), 1000)
    })
  }

  received(text: string, send: (text: string) => void): void {
    const header = (name: string): string => new RegExp(`^${name}: *(.*)$`, 'im').exec(text)?.[1]?.trim() ?? ''
    if (text.startsWith('SIP/2.0')) {
      const done = this.#waiting.get(header('Call-ID'))
      if (!done || text.startsWith('SIP/2.0 1')) return
      if (text.startsWith('SIP/2.0 200')) this.registered++
      else this.refused++
      this.#waiting.delete(header('Call-ID'))
      return done()
    }
    this.asked++
    const vias = text.match(/^Via:.*$/gim)!.join('\r\n')
    const same = ['From', 'Call-ID', 'CSeq'].map(name => `${name}: ${header(name)}`).join('\r\n')
    send(`SIP/2.0 480 Away\r\n${vias}\r\nTo: ${header('To')};tag=p\r\n${same}\r\nContent-Length: 0\r\n\r\n`)
  }
}

/** Whole messages of a connection, whatever pieces it brings them in. */
function framed(take: (text: string) => void): (bytes: Buffer) => void {
  let kept = ''
  return bytes => {
    kept += bytes.toString('latin1')
    for (;;) {
      const head = kept.indexOf('\r\n\r\n')
      const body = Number(/^Content-Length: *(\d+)/im.exec(kept)?.[1] ?? 0)
      if (head === -1 || kept.length < head + 4 + body) return
      take(kept.slice(0, head + 4 + body))
      kept = kept.slice(head + 4 + body)
    }
  }
}

async function register(port: number, users: number, streams: number, rate: number): Promise<void> {
  const phones = new Phones(port)
  const socket = createSocket('udp4')
  const send = (text: string): void => socket.send(text, port, DOMAIN)
  socket.on('message', bytes => phones.received(bytes.toString('latin1'), send))
  await new Promise<void>(done => socket.bind(0, DOMAIN, done))
  const contact = `${DOMAIN}:${socket.address().port}`
  const open: Socket[] = []
  /** From several addresses, as each may have only so many. */
  const connect = async (user: number): Promise<void> => {
    const stream = createConnection({ port, host: DOMAIN, localAddress: `127.0.1.${(user % 8) + 1}` })
    stream.on('error', () => {})
    const sendOver = (text: string): unknown => stream.write(text)
    stream.on(
      'data',
      framed(text => phones.received(text, sendOver)),
    )
    await new Promise(done => stream.once('connect', done))
    open.push(stream)
    await phones.register(user, 'TCP', `${stream.localAddress}:${stream.localPort}`, sendOver)
  }
  let next = 2
  const begun = performance.now()
  const work = async (): Promise<void> => {
    while (next <= users) {
      const user = next++
      if (rate > 0) await sleep(begun + (user / rate) * 1000 - performance.now())
      await (user <= streams ? connect(user) : phones.register(user, 'UDP', contact, send))
    }
  }
  const end = setTimeout(() => process.exit(1), BOUND_MS)
  await Promise.all(Array.from({ length: OUTSTANDING }, work))
  clearTimeout(end)
  // They stay, and refuse whatever is sent to them, until they are stopped.
  console.log(`${phones.registered} registered, ${phones.refused} refused`)
  setInterval(
    () => console.error(`messages refused ${phones.asked}, streams ${open.filter(each => !each.destroyed).length}`),
    10_000,
  )
}

async function pages(port: number, out: string): Promise<void> {
  const printed = /^ +admin +(\S+)$/m.exec(readFileSync(out, 'utf8'))![1]!
  await askApi({ httpPort: port }, '/password', {
    method: 'PUT',
    body: { old: printed, new: PASSWORD },
    password: printed,
  })
  await askApi({ httpPort: port }, '/setup/finish', { method: 'POST', body: {} })
  const at = `http://127.0.0.1:${port}`
  const form = new URLSearchParams({ name: 'admin', password: PASSWORD })
  const login = await fetch(`${at}/login`, { method: 'POST', body: form, redirect: 'manual' })
  const cookie = login.headers.getSetCookie()[0]!.split(';')[0]!
  const paths = [
    '/',
    '/users',
    '/users?search=user99',
    '/queue',
    '/queue?search=user77',
    '/history',
    '/logs',
    '/metrics',
    '/healthz',
  ]
  for (const path of [...paths, ...paths, '/api/v1/openapi.json', '/about', '/api/v1/queue']) {
    const answer = await fetch(`${at}${path}`, { headers: { cookie } })
    const text = await answer.text()
    if (answer.status !== 200) console.error(`${path}: ${answer.status} ${text.slice(0, 200)}`)
  }
  const headers = { authorization, 'content-type': 'application/json' }
  const bundle = await fetch(`${at}/api/v1/support`, { method: 'POST', headers, body: '{}' })
  if (!bundle.ok) console.error(`support: ${bundle.status} ${await bundle.text()}`)
  else await bundle.bytes()
}

interface Job {
  readonly id: string
  readonly state: string
}

/** Waits for it to end; what it says of itself. */
async function ended(port: number, { id }: Job): Promise<Job> {
  for (;;) {
    const job = (await askApi({ httpPort: port }, `/jobs/${id}`)) as Job
    if (job.state !== 'running') {
      console.error(JSON.stringify(job).slice(0, 300))
      return job
    }
    await sleep(200)
  }
}

const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
const PASSPHRASE = 'heron on the weir'

async function backup(port: number, file: string): Promise<void> {
  const body = { passphrase: PASSPHRASE }
  const begun = (await askApi({ httpPort: port }, '/backup', { method: 'POST', body })) as Job
  const { id } = await ended(port, begun)
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/jobs/${id}/result`, { headers: { authorization } })
  writeFileSync(file, await answer.bytes())
  if (answer.status !== 200) process.exit(1)
}

async function restore(port: number, file: string): Promise<void> {
  const body = new FormData()
  body.append('passphrase', PASSPHRASE)
  body.append('file', new Blob([readFileSync(file)]), 'box.backup.age')
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/restore`, {
    method: 'POST',
    headers: { authorization },
    body,
  })
  if (!answer.ok) return console.error(`${answer.status} ${await answer.text()}`)
  await ended(port, (await answer.json()) as Job)
}

const [what, ...given] = process.argv.slice(2)
if (what === 'accounts') await makeAccounts(given[0]!, Number(given[1]))
else if (what === 'register')
  await register(Number(given[0]), Number(given[1]), Number(given[2]), Number(given[3] ?? 0))
else if (what === 'pages') await pages(Number(given[0]), given[1]!)
else if (what === 'backup') await backup(Number(given[0]), given[1]!)
else if (what === 'restore') await restore(Number(given[0]), given[1]!)
else process.exitCode = 2
