import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DOMAIN, passwordOf } from './box.ts'
import { type Client, type ClientOptions, REGISTER_MS } from './client.ts'
import { Program } from './program.ts'
import { until } from './until.ts'

/** baresip 1.0 without audio, driven by lines on its standard input. */
export class Baresip implements Client {
  readonly #program: Program

  private constructor(program: Program) {
    this.#program = program
  }

  static start(options: ClientOptions): Baresip {
    const { dir } = options
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'config'), options.isWatching ? `${CONFIG}module_app mwi.so\n` : CONFIG)
    writeFileSync(join(dir, 'accounts'), accountOf(options))
    writeFileSync(join(dir, 'contacts'), `"${options.contact}" <sip:${options.contact}@${DOMAIN}>\n`)
    return new Baresip(new Program('baresip', ['-f', dir, '-4'], dir))
  }

  get out(): string {
    return this.#program.out
  }

  async registered(): Promise<void> {
    await until(`baresip is registered: ${this.out}`, REGISTER_MS, () => /: \{0\/\w+\/v4\} 200 OK/.test(this.out))
  }

  /** To its only contact. */
  async send(_user: string, text: string): Promise<void> {
    this.#program.line(`/message ${text}`)
  }

  /** What it shows of others stands in quotes. */
  hasReceived(text: string): boolean {
    return this.out.includes(`"${text}"`)
  }

  async leave(): Promise<void> {
    await this.#program.stop()
  }
}

/** `contact` before `menu`: in the other order its commands are not there. */
const CONFIG = `poll_method epoll
sip_listen 127.0.0.1:0
module_path /usr/lib/baresip/modules
module_tmp uuid.so
module_tmp account.so
module stdio.so
module_app contact.so
module_app menu.so
`

const accountOf = ({ user, boxPort, transport }: ClientOptions): string =>
  `<sip:${user}@${DOMAIN}>;auth_user=${user};auth_pass=${passwordOf(user)}` +
  `;outbound="sip:127.0.0.1:${boxPort};transport=${transport}";regint=300\n`
