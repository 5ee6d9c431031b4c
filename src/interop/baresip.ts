import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { DOMAIN, passwordOf } from './box.ts'
import { type Client, type ClientOptions, REGISTER_MS } from './client.ts'
import { freePort } from './ports.ts'
import { Program } from './program.ts'
import { until } from './until.ts'

/** baresip 1.0 without audio, driven over its control socket (netstrings of JSON). */
export class Baresip implements Client {
  readonly #program: Program
  readonly #controlPort: number

  private constructor(program: Program, controlPort: number) {
    this.#program = program
    this.#controlPort = controlPort
  }

  static async start(options: ClientOptions): Promise<Baresip> {
    const controlPort = await freePort()
    const { dir } = options
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'config'), configOf(controlPort))
    writeFileSync(join(dir, 'accounts'), accountOf(options))
    writeFileSync(join(dir, 'contacts'), `"${options.contact}" <sip:${options.contact}@${DOMAIN}>\n`)
    return new Baresip(new Program('baresip', ['-f', dir, '-4'], dir), controlPort)
  }

  get out(): string {
    return this.#program.out
  }

  async registered(): Promise<void> {
    await until(`baresip is registered: ${this.out}`, REGISTER_MS, () => /: \{0\/\w+\/v4\} 200 OK/.test(this.out))
  }

  /** To its only contact. */
  async send(_user: string, text: string): Promise<void> {
    await this.#command('message', text)
  }

  hasReceived(text: string): boolean {
    return this.out.includes(text)
  }

  async leave(): Promise<void> {
    await this.#program.stop()
  }

  async #command(command: string, params: string): Promise<void> {
    const socket = createConnection(this.#controlPort, '127.0.0.1')
    await once(socket, 'connect')
    const text = JSON.stringify({ command, params, token: 'x' })
    socket.write(`${text.length}:${text},`)
    const [answer] = await once(socket, 'data')
    socket.destroy()
    if (!`${answer}`.includes('"ok":true')) throw new Error(`baresip: ${answer}`)
  }
}

/** `contact` before `menu`: in the other order its commands are not there. */
const configOf = (controlPort: number): string => `poll_method epoll
sip_listen 127.0.0.1:0
module_path /usr/lib/baresip/modules
module_tmp uuid.so
module_tmp account.so
module_app contact.so
module_app menu.so
module ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${controlPort}
`

const accountOf = ({ user, boxPort, transport }: ClientOptions): string =>
  `<sip:${user}@${DOMAIN}>;auth_user=${user};auth_pass=${passwordOf(user)}` +
  `;outbound="sip:127.0.0.1:${boxPort};transport=${transport}";regint=300\n`
