import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DOMAIN, passwordOf } from './box.ts'
import { type Client, type ClientOptions, REGISTER_MS } from './client.ts'
import { Program } from './program.ts'
import { until } from './until.ts'

/** linphone 5.1 as its command-line daemon, without audio, driven by lines on its standard input. */
export class Linphone implements Client {
  readonly #program: Program

  private constructor(program: Program) {
    this.#program = program
  }

  static start(options: ClientOptions): Linphone {
    return Linphone.#open(options.dir, configOf(options))
  }

  /** Knows nothing but where to fetch its account. */
  static provisioned(dir: string, address: string): Linphone {
    return Linphone.#open(dir, `${PLACE}[misc]\nconfig-uri=${address}\n`)
  }

  static #open(dir: string, config: string): Linphone {
    // It makes the file of its database, but not the folder.
    mkdirSync(join(dir, '.local/share/linphone'), { recursive: true })
    mkdirSync(join(dir, '.config/linphone'), { recursive: true })
    const file = join(dir, 'linphonerc')
    writeFileSync(file, config)
    return new Linphone(new Program('linphone-daemon', ['--config', file, '--log', join(dir, 'log')], dir))
  }

  get out(): string {
    return this.#program.out
  }

  async registered(): Promise<void> {
    await until(`linphone is registered: ${this.out}`, REGISTER_MS, () => {
      const isSo = this.out.includes('State: LinphoneRegistrationOk')
      if (!isSo) this.#program.line('register-info ALL')
      return isSo
    })
  }

  async send(user: string, text: string): Promise<void> {
    this.#program.line(`message sip:${user}@${DOMAIN} ${text}`)
  }

  hasReceived(text: string): boolean {
    return this.out.includes(`Content: "${text}"`)
  }

  /** As its user leaves it: it de-registers. */
  async leave(): Promise<void> {
    this.#program.line('quit')
    await this.#program.end(5000)
  }
}

const PLACE = `[sip]
default_proxy=0
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
use_ipv6=0
guess_hostname=0
register_only_when_network_is_up=0
[net]
dns_srv_enabled=0
`

const configOf = ({ user, boxPort, transport }: ClientOptions): string => `${PLACE}[proxy_0]
reg_proxy=<sip:127.0.0.1:${boxPort};transport=${transport}>
reg_route=<sip:127.0.0.1:${boxPort};transport=${transport}>
reg_identity=sip:${user}@${DOMAIN}
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username=${user}
userid=${user}
passwd=${passwordOf(user)}
realm=${DOMAIN}
`
