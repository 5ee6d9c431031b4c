import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { type Config, loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { HostStore } from '../testing/host-store.ts'
import { Access } from './access.ts'
import { Configuration } from './configuration.ts'
import { SystemEntropy } from './entropy.ts'
import { openLog } from './log.ts'
import { Restoring } from './restoring.ts'
import { silentNotifier } from './service/notifier.ts'
import { Serving } from './serving.ts'
import { BoxWatch } from './watchdog/box-watch.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Fields of a form. */
  readonly form?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly body?: string | Buffer
  readonly isSecure?: boolean
}

interface PageOptions {
  /** Lines of the configuration beside the usual ones. */
  readonly more?: string
  readonly store?: HostStore
  /** Of `listen.sip_tcp`, in place of none. */
  readonly sipTcp?: string
}

const textOf = (dir: string, more: string, sipTcp: string): string => `domain = "example.org"
hostname = "edge1.example.org"
data_dir = "${join(dir, 'data')}"
${more}
[listen]
sip_udp = "127.0.0.1:0"
sip_tcp = "${sipTcp}"
msrp_tcp = "127.0.0.1:0"
http = "127.0.0.1:0"
https = "127.0.0.1:0"
`

/** A box with its config page, on ports of its own, for tests of who may do what. */
export class OpenedPage {
  /** Of the first start: `listen.http`, then `listen.https`. */
  readonly apps: FastifyInstance[] = []
  readonly routes: { readonly method: string; readonly url: string }[] = []
  readonly access: Access
  readonly configuration: Configuration
  readonly logs = openLog('info', openSync('/dev/null', 'w'))
  readonly watch = new BoxWatch({ notifier: silentNotifier, log: silentLog, isManaged: false })
  /** Each time that it serves with another configuration. */
  readonly restarts: Promise<void>[] = []
  /** Printed at the first start; empty at any other. */
  secret = ''
  #serving: Serving | undefined
  #at = 0

  private constructor(file: string, text: string, config: Config) {
    const [log, entropy] = [silentLog, new SystemEntropy()]
    const now = (): Now => ({ at: this.#at as Instant, wall: (1.9e12 + this.#at) as WallTime, isWallTrusted: true })
    this.access = new Access({ entropy, log, now })
    const restart = (changed: Config): Promise<void> => {
      const done = this.#serving!.restart(changed)
      this.restarts.push(done)
      return done
    }
    this.configuration = new Configuration({ file, text, target: file, config, log, restart })
  }

  /** `dir` may be one where a box stood before. */
  static async open(
    dir: string,
    { more = '', store = new HostStore(), sipTcp = '' }: PageOptions = {},
  ): Promise<OpenedPage> {
    const file = join(dir, 'restante.toml')
    if (!existsSync(file)) writeFileSync(file, textOf(dir, more, sipTcp))
    const text = readFileSync(file, 'utf8')
    const loaded = loadConfig(text, file)
    if ('errors' in loaded) throw new Error(loaded.errors.join())
    const { config } = loaded
    const page = new OpenedPage(file, text, config)
    const heard = (message: unknown): void => page.#heard((message as { fastify: FastifyInstance }).fastify)
    subscribe('fastify.initialization', heard)
    const { access, configuration } = page
    const [log, entropy] = [silentLog, new SystemEntropy()]
    const parts = { makeEngine: async () => new EchoEngine(), openStore: async () => store }
    const replace: ConstructorParameters<typeof Restoring>[0]['replace'] = (changed, replacing) =>
      page.#serving!.replace(changed, replacing)
    const restoring = new Restoring({ target: file, configuration, access, log, replace })
    const { logs, watch } = page
    const services = { access, configuration, restoring, logs, watch }
    page.#serving = await Serving.start({ config, log, entropy, ...parts, ...services })
    unsubscribe('fastify.initialization', heard)
    page.secret = page.#serving.box.credentials[0]?.password ?? ''
    return page
  }

  #heard(app: FastifyInstance): void {
    this.apps.push(app)
    if (this.apps.length > 1) return
    app.addHook('onRoute', ({ method, url }) => {
      for (const each of [method].flat()) this.routes.push({ method: each, url })
    })
  }

  /** Of the listener without TLS. */
  get port(): number {
    return this.#serving!.box.http.find(({ isSecure }) => !isSecure)!.port
  }

  /** Time passes for those who are signed in. */
  pass(ms: number): void {
    this.#at += ms
  }

  async close(): Promise<void> {
    this.configuration.close()
    this.watch.ending('stop', 'SIGTERM')
    await this.#serving!.stop()
    this.watch.close()
  }

  ask(path: string, { form, json, isSecure = false, ...asked }: Asked = {}): Promise<Answer> {
    const body = form ? `${new URLSearchParams(form)}` : json !== undefined ? JSON.stringify(json) : asked.body
    const type = form ? 'application/x-www-form-urlencoded' : json !== undefined ? 'application/json' : undefined
    const method = asked.method ?? (body === undefined ? 'GET' : 'POST')
    const { port } = this.#serving!.box.http.find(each => each.isSecure === isSecure)!
    const headers = { ...(type && { 'content-type': type }), ...asked.headers }
    const options = { host: '127.0.0.1', port, path, method, headers, agent: false, rejectUnauthorized: false }
    return new Promise((resolve, reject) => {
      const sent = (isSecure ? secureRequest : plainRequest)(options, response => {
        const parts: Buffer[] = []
        response.on('data', part => parts.push(part))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: `${Buffer.concat(parts)}` }),
        )
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  /** Signs in as a browser does. */
  async signIn(name: string, password: string, isSecure = false): Promise<Browser> {
    const answer = await this.ask('/login', { form: { name, password }, isSecure })
    const [cookie = ''] = cookiesOf(answer)[0]?.split(';') ?? []
    const who = this.access.session(cookie.slice(cookie.indexOf('=') + 1), true)
    if (!who) throw new Error(`not signed in: ${answer.status}`)
    return new Browser(this, cookie, who.csrf!, isSecure)
  }
}

/** Of somebody who is signed in. */
class Browser {
  readonly cookie: string
  readonly csrf: string
  readonly #page: OpenedPage
  readonly #isSecure: boolean

  constructor(page: OpenedPage, cookie: string, csrf: string, isSecure: boolean) {
    this.#page = page
    this.cookie = cookie
    this.csrf = csrf
    this.#isSecure = isSecure
  }

  get(path: string, headers: Asked['headers'] = {}): Promise<Answer> {
    return this.#page.ask(path, { isSecure: this.#isSecure, headers: { cookie: this.cookie, ...headers } })
  }

  post(path: string, form: Record<string, string> = {}): Promise<Answer> {
    const asked = { isSecure: this.#isSecure, headers: { cookie: this.cookie } }
    return this.#page.ask(path, { ...asked, form: { csrf: this.csrf, ...form } })
  }
}

export const basic = (name: string, password: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
})

export const cookiesOf = ({ headers }: Answer): readonly string[] => [headers['set-cookie'] ?? []].flat()
