import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Config, loadConfig } from '../../base/config.ts'
import { Seat } from '../../console/screen.fixture.ts'
import type { ConsoleServices } from '../../console/services.ts'
import { EchoEngine } from '../../testing/echo-engine.ts'
import { HostStore } from '../../testing/host-store.ts'
import { Access } from '../access.ts'
import type { ServeOptions } from '../box-options.ts'
import { Clock } from '../clock.ts'
import { TestClock } from '../configuration.fixture.ts'
import { Configuration } from '../configuration.ts'
import { SystemEntropy } from '../entropy.ts'
import { openLog } from '../log.ts'
import { Restoring } from '../restoring.ts'
import { Serving } from '../serving.ts'
import type { Consoles, ConsoleUse } from './consoles.ts'

export const OWN_PASSWORD = 'canary horse battery'

const textOf = (dir: string): string => `domain = "example.org"
hostname = "edge1.example.org"
data_dir = "${join(dir, 'data')}"
[listen]
sip_udp = "127.0.0.1:0"
sip_tcp = ""
msrp_tcp = "127.0.0.1:0"
http = ""
[xdms]
root = "https://xdm.example.org/xcap/"
user = "edge1"
password = "canary-of-xdms"
`

/** A whole box on a store in memory, and somebody at its serial line. */
export class Technician extends Seat {
  readonly host: HostStore
  readonly logs: ReturnType<typeof openLog>
  readonly file: string
  readonly trial: TestClock
  readonly #printed: string

  private constructor(
    services: () => ConsoleServices,
    parts: Pick<Technician, 'host' | 'logs' | 'file' | 'trial'> & { printed: string },
  ) {
    super(services(), { current: services })
    this.host = parts.host
    this.logs = parts.logs
    this.file = parts.file
    this.trial = parts.trial
    this.#printed = parts.printed
  }

  /** `openStore`: a store on flash in place of the one in memory. */
  static async come(t: Test, { openStore }: Partial<Pick<ServeOptions, 'openStore'>> = {}): Promise<Technician> {
    const dir = mkdtempSync(join(tmpdir(), 'technician-'))
    const file = join(dir, 'restante.toml')
    const text = textOf(dir)
    writeFileSync(file, text)
    const { config } = loadConfig(text, file) as { config: Config }
    const [host, logs, entropy] = [new HostStore(), openLog('info', openSync('/dev/null', 'w')), new SystemEntropy()]
    const clock = new Clock(0 as never)
    const access = new Access({ entropy, log: logs, now: () => clock.now() })
    let use: ConsoleUse | undefined
    const consoles = { use: async (next: ConsoleUse) => void (use = next), stream() {} } as unknown as Consoles
    let serving: Serving | undefined
    const restart = (changed: Config) => serving!.restart(changed)
    const trial = new TestClock()
    const configuration = new Configuration({ file, text, target: file, config, log: logs, restart, clock: trial })
    const replace: ConstructorParameters<typeof Restoring>[0]['replace'] = (changed, replacing) =>
      serving!.replace(changed, replacing)
    const restoring = new Restoring({ target: file, configuration, access, log: logs, replace })
    serving = await Serving.start({
      ...{ config, log: logs, entropy, access, configuration, restoring, logs, consoles },
      makeEngine: async () => new EchoEngine(),
      openStore: openStore ?? (async () => host),
    })
    t.teardown(async () => {
      configuration.close()
      await serving.stop()
      rmSync(dir, { recursive: true, force: true })
    })
    const printed = serving.box.credentials[0]!.password
    return new Technician(() => use!.services, { host, logs, file, trial, printed })
  }

  /** The first one who comes: with the password that was printed, which another takes the place of. */
  async setUp(): Promise<void> {
    await this.until('edge1 login: ')
    this.press(`admin\r${this.#printed}\r`)
    await this.until('New password: ')
    this.press(`${OWN_PASSWORD}\r${OWN_PASSWORD}\r`)
    await this.until('edge1> ')
    await this.run('enable')
    await this.run('terminal length 0')
  }

  /** Each line when it is asked for. */
  async answer(line: string, answers: readonly (readonly [prompt: string, answer: string])[]): Promise<string> {
    const before = this.screen.lines.length
    this.press(`${line}\r`)
    for (const [prompt, text] of answers) {
      await this.until(prompt)
      this.press(`${text}\r`)
    }
    await this.until(/^edge1(\(config\))?[#>] $/)
    return this.screen.lines.slice(before, -1).join('\n')
  }

  get said(): string {
    return JSON.stringify(this.logs.lines({}, { limit: 1000 }).lines)
  }

  get fileText(): string {
    return readFileSync(this.file, 'utf8')
  }
}
