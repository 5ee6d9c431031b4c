import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { DOMAIN, passwordOf } from '../../../src/interop/box.ts'
import { freePorts } from '../../../src/interop/ports.ts'
import { until } from '../../../src/interop/until.ts'
import { disksIn, layPackage, makeDisks } from './disks.ts'
import { type Boot, type Disks, Machine, type Place, type Ports } from './machine.ts'

/** Where the configuration lies. */
export const CONFIG = '/etc/restante/restante.toml'
export const ADMIN_PASSWORD = 'marmalade on 9 stones'
const DROP_INS = '/etc/systemd/system/restante.service.d'
const USERS = ['alice', 'bob']
/** What is known of one that is kept, in its folder. */
const NOTE = 'trial.json'
const ASK_MS = 10_000
const POLL_MS = 500
/** How much slower an emulated one is. */
const EMULATED = 6

/** Of one machine, which is switched off and on again as often as its parts like; and what was found. */
export class Trial {
  readonly place: Place
  readonly disks: Disks
  passed = 0
  readonly wrong: string[] = []
  #machine: Machine | undefined
  #toml = ''
  #token = ''
  readonly #debBytes: number

  private constructor(place: Place, disks: Disks, debBytes: number) {
    this.place = place
    this.disks = disks
    this.#debBytes = debBytes
  }

  static async make(place: Omit<Place, 'ports'>, baseFolder: string, deb: string): Promise<Trial> {
    const disks = makeDisks(place.folder, baseFolder, deb)
    return new Trial({ ...place, ports: await portsHere() }, disks, statSync(deb).size)
  }

  /** One that was kept after its first run; undefined: there is none in that folder. */
  static async kept(place: Omit<Place, 'ports'>, baseFolder: string, deb: string): Promise<Trial | undefined> {
    const note = join(place.folder, NOTE)
    if (!existsSync(note)) return undefined
    const { toml, token } = JSON.parse(readFileSync(note, 'utf8'))
    const ports = await portsHere()
    const disks = disksIn(place.folder, baseFolder)
    layPackage(disks, deb)
    const trial = new Trial({ ...place, ports }, disks, statSync(deb).size)
    trial.#toml = toml
    trial.#token = token
    return trial
  }

  get #note(): string {
    return join(this.place.folder, NOTE)
  }

  check(what: string, isRight: boolean, found = ''): void {
    if (isRight) this.passed++
    else this.wrong.push(what)
    const shown = isRight || found === '' ? '' : `\n        ${found.trim().replaceAll('\n', '\n        ')}`
    console.log(`${isRight ? 'ok' : 'NOT OK'}  ${what}${shown}`)
  }

  get machine(): Machine {
    if (!this.#machine) throw new Error('the machine is switched off')
    return this.#machine
  }

  async boot(boot: Boot = {}): Promise<Machine> {
    this.#machine = await Machine.boot(this.place, this.disks, boot)
    return this.#machine
  }

  async cut(): Promise<void> {
    const machine = this.#machine
    this.#machine = undefined
    await machine?.cut()
  }

  async cutAndBoot(boot: Boot = {}): Promise<Machine> {
    await this.cut()
    return this.boot(boot)
  }

  get ports(): Ports {
    return this.place.ports
  }

  /** Milliseconds of a machine that is not emulated. */
  ms(ms: number): number {
    return ms * (this.place.isEmulated ? EMULATED : 1)
  }

  async pause(ms: number): Promise<void> {
    await setTimeout(ms)
  }

  /** Asked less often than a test within one process does: each question is a program in the machine, which has other things to do. */
  until<T>(what: string, ms: number, look: () => T | Promise<T>): Promise<NonNullable<T>> {
    return until(what, this.ms(ms), async () => {
      const found = await look()
      if (found === undefined || found === null || found === false) await setTimeout(this.ms(POLL_MS))
      return found
    })
  }

  async isReady(): Promise<boolean> {
    return (await this.machine.shown('ActiveState')) === 'active'
  }

  ready(): Promise<boolean> {
    return this.until('the service is ready', 60_000, () => this.isReady())
  }

  /** This very package, byte by byte. */
  async isInstalled(): Promise<boolean> {
    const { code } = await this.machine.run(`cmp -n ${this.#debBytes} /dev/vdd /srv/restante.deb && dpkg -s restante`)
    return code === 0
  }

  /** The package, as it lies on a disk of its own. */
  async install(): Promise<{ code: number; out: string }> {
    return this.machine.run(
      `head -c ${this.#debBytes} /dev/vdd >/srv/restante.deb && dpkg -i /srv/restante.deb`,
      this.ms(180_000),
    )
  }

  /** The configuration that all parts have, with `toml` in it, and a new start. */
  async configure(toml: string): Promise<void> {
    this.#toml = toml
    await this.addConfiguration('')
  }

  /** With this beside it, in place of what was added before; and a new start. */
  async addConfiguration(toml: string): Promise<void> {
    const users = USERS.map(user => `[[user]]\naor = "sip:${user}@${DOMAIN}"\npassword = "${passwordOf(user)}"\n`)
    const listen = [
      'sip_tcp = "0.0.0.0:5060"',
      'msrp_tcp = "0.0.0.0:2855"',
      'http = "0.0.0.0:8080"',
      'https = "0.0.0.0:8443"',
    ]
    const head = [`domain = "${DOMAIN}"`, 'hostname = "box"', 'data_dir = "/var/lib/restante"', '[listen]', ...listen]
    await this.machine.put(CONFIG, `${[...head, ...users].join('\n')}\n${this.#toml}\n${toml}`)
    await this.machine.said(`chown restante: ${CONFIG}`)
    await this.restart()
  }

  /** A console on the serial line, and nothing else. */
  addConsole(): Promise<void> {
    return this.addConfiguration(`[console]\ndevice = "/dev/${this.machine.tty}"\nbaud = 115200\n`)
  }

  async restart(): Promise<void> {
    await this.machine.said('systemctl daemon-reload; systemctl reset-failed restante; systemctl restart restante')
    await this.ready()
  }

  /** One that the package has, changed by `edit` as an administrator would. */
  async dropIn(name: string, edit: (text: string) => string = text => text): Promise<void> {
    const text = await this.machine.said(`cat /usr/share/restante/drop-ins/${name}`)
    await this.machine.put(`${DROP_INS}/${name}`, `${edit(text)}\n`)
  }

  /** GET of the API as `admin`; rejects where it is refused. */
  async api(path: string): Promise<Record<string, unknown>> {
    const { status, text } = await this.ask('GET', path)
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`)
    return JSON.parse(text)
  }

  /** So that a question costs no look at a password. */
  async makeToken(): Promise<void> {
    // The one there was may have gone with the data.
    this.#token = ''
    const { status, text } = await this.ask('POST', '/api/v1/tokens', { name: 'trial', role: 'admin' })
    if (status !== 201) throw new Error(`no token: ${status} ${text}`)
    this.#token = JSON.parse(text).secret
    writeFileSync(this.#note, JSON.stringify({ toml: this.#toml, token: this.#token }))
  }

  ask(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
    const asked = request({
      ...{
        host: '127.0.0.1',
        port: this.ports.https,
        path,
        method,
        rejectUnauthorized: false,
        timeout: this.ms(ASK_MS),
      },
      ...(this.#token === '' && { auth: `admin:${ADMIN_PASSWORD}` }),
      headers: {
        ...(this.#token !== '' && { authorization: `Bearer ${this.#token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
    })
    asked.on('response', response => {
      let text = ''
      response.on('data', bytes => (text += bytes))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    asked.on('timeout', () => asked.destroy(new Error(`${path}: no answer`)))
    asked.on('error', reject)
    asked.end(body && JSON.stringify(body))
    return promise
  }

  /** Status of /healthz and what it says; 0 where nothing answers. */
  async healthz(): Promise<{ status: number; text: string }> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.ports.http}/healthz`, {
        signal: AbortSignal.timeout(this.ms(5000)),
      })
      return { status: answer.status, text: await answer.text() }
    } catch (error) {
      return { status: 0, text: String(error) }
    }
  }

  async metrics(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.ports.http}/metrics`, {
      signal: AbortSignal.timeout(this.ms(5000)),
    })
    return answer.text()
  }

  /** Why the run before ended, of all three that tell it. */
  async lastReset(): Promise<{ api: string; metrics: string; all: string }> {
    const resets = (await this.api('/api/v1/status')).resets as { kind: string }[]
    const metrics = /^restante_last_reset_(\S+) 1$/m.exec(await this.metrics())?.[1] ?? 'none'
    return { api: resets[0]?.kind ?? 'none', metrics, all: JSON.stringify(resets.slice(0, 3)) }
  }
}

async function portsHere(): Promise<Ports> {
  const [sip, http, https] = (await freePorts(3)) as [number, number, number]
  return { sip, http, https }
}
