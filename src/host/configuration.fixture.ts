import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, loadConfig } from '../base/config.ts'
import type { Log } from '../base/log.ts'
import type { ConfigValue } from '../services/configuration.ts'
import { Configuration, type TrialClock } from './configuration.ts'

export const FILE_TEXT = `# of the site
domain = "example.org"
hostname = "edge1.example.org"   # ours

[listen]
http = ["127.0.0.1:8080", "0.0.0.0:8081"]

[web]
plain_http = true

[xdms]
root = "https://xdm.example.org/xcap/"
user = "edge1"
password = "canary-of-xdms"

[[user]]
aor = "sip:alice@example.org"
password = "canary-of-alice"
`

/** A clock that stands until the test says. */
export class TestClock implements TrialClock {
  readonly #waiting = new Set<{ at: number; run: () => void }>()
  #now = 1000

  readonly nowMs = () => this.#now

  readonly after = (ms: number, run: () => void) => {
    const entry = { at: this.#now + ms, run }
    this.#waiting.add(entry)
    return () => this.#waiting.delete(entry)
  }

  /** What is due meanwhile runs, and what that starts ends. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const [next] = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (!next) break
      this.#waiting.delete(next)
      this.#now = next.at
      next.run()
      await new Promise(setImmediate)
    }
    this.#now = end
    await new Promise(setImmediate)
  }

  get waiting(): number {
    return this.#waiting.size
  }
}

export interface Restart {
  readonly config: Config
  readonly serves: () => Promise<void>
  readonly fails: (why: string) => Promise<void>
}

/** A configuration whose box starts when the test says so. */
export function configurationIn(dir: string, text = FILE_TEXT, { target = '', readFrom = '' } = {}) {
  const file = join(dir, 'restante.toml')
  writeFileSync(file, text)
  const loaded = loadConfig(text, file)
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  const clock = new TestClock()
  const restarts: Restart[] = []
  const logged: string[] = []
  const write = (level: string) => (msg: string, fields?: object) =>
    logged.push(JSON.stringify({ level, msg, ...fields }))
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const configuration = new Configuration({
    file: readFrom || file,
    text,
    target: target || file,
    config: loaded.config,
    log,
    clock,
    restart: config =>
      new Promise((resolve, reject) => {
        const settled = (run: () => void) => async () => {
          run()
          await new Promise(setImmediate)
        }
        restarts.push({ config, serves: settled(resolve), fails: why => settled(() => reject(new Error(why)))() })
      }),
  })
  const apply = (changes: Record<string, ConfigValue>, confirmS = 120, who = 'ann') =>
    configuration.apply(new Map(Object.entries(changes)), { version: configuration.view().version, who, confirmS })
  const check = (changes: Record<string, ConfigValue>) => configuration.check(new Map(Object.entries(changes)))
  return { file, configuration, clock, restarts, logged, apply, check }
}
