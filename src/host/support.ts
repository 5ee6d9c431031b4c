import { createHash, createHmac, randomBytes } from 'node:crypto'
import { readFile, statfs } from 'node:fs/promises'
import { arch, availableParallelism, freemem, loadavg, release, totalmem, uptime } from 'node:os'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { packTar } from 'modern-tar'
import type { Config } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import { PRODUCT, VERSION } from '../base/product.ts'
import type { StatusService } from '../services/status.ts'
import { SUPPORT_FILES, type SupportBundle, type SupportFile, type SupportService } from '../services/support.ts'
import { publicOf } from './config-values.ts'

interface SupportOptions {
  readonly config: Config
  readonly dataDir: string
  readonly counters: Counters
  readonly status: StatusService
  /** What the engine says of itself. */
  readonly describe: () => Promise<object>
  readonly wall: () => number
}

const MOUNTS_BYTES_MAX = 64 * 1024
/** `alice@example.org`, with whatever scheme stands before it. */
const ADDRESS = /[^\s"'<>@:;,/\\()[\]{}]+@(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)/g

/** What somebody who helps needs to know of a box. Only what is named in SUPPORT_FILES is in it, made here and copied from no file of the box. */
export class Support implements SupportService {
  readonly #options: SupportOptions

  constructor(options: SupportOptions) {
    this.#options = options
  }

  async bundle(isWithAddresses: boolean): Promise<SupportBundle> {
    const at = this.#options.wall()
    const created = new Date(at)
    const hide = isWithAddresses ? (text: string) => text : this.#pseudonyms()
    const files: [name: string, bytes: Buffer][] = []
    for (const name of SUPPORT_FILES) files.push([name, Buffer.from(hide(await this.#textOf(name)))])
    const manifest = {
      format: 1,
      ...{ product: PRODUCT, version: VERSION, created: created.toISOString(), addresses: isWithAddresses },
      files: files.map(([name, bytes]) => ({
        ...{ name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
      })),
    }
    const all: [string, Buffer][] = [['manifest.json', Buffer.from(jsonOf(manifest))], ...files]
    const tar = await packTar(
      all.map(([name, body]) => ({
        header: { name: `support/${name}`, size: body.length, mode: 0o600, mtime: created, type: 'file' as const },
        body,
      })),
    )
    const stamp = created.toISOString().slice(0, 19).replaceAll(':', '')
    return { fileName: `restante-support-${stamp}.tar.gz`, bytes: await promisify(gzip)(tar) }
  }

  async #textOf(name: SupportFile): Promise<string> {
    const { config, counters, status, describe } = this.#options
    switch (name) {
      case 'configuration.json':
        return jsonOf({ ...publicOf(config), user: `${config.user.length} accounts` })
      case 'status.json':
        return jsonOf(await status.status())
      case 'numbers.json':
        return jsonOf(await describe())
      case 'counters.json':
        return jsonOf(counters.describe())
      case 'machine.json':
        return jsonOf(await this.#machine())
    }
  }

  async #machine(): Promise<object> {
    const { bsize, blocks, bavail, type } = await statfs(this.#options.dataDir)
    const mounts = await readFile('/proc/self/mounts', 'latin1').catch(() => '')
    return {
      ...{ node: process.versions.node, kernel: release(), processor: arch(), processors: availableParallelism() },
      ...{ memoryBytes: totalmem(), freeBytes: freemem(), load: loadavg(), uptimeS: Math.round(uptime()) },
      process: process.memoryUsage(),
      dataDir: { totalBytes: blocks * bsize, freeBytes: bavail * bsize, type: `0x${type.toString(16)}` },
      mounts: mounts.slice(0, MOUNTS_BYTES_MAX).split('\n').map(mountOf).filter(Boolean),
    }
  }

  /** One user has one name throughout a bundle, and another one in the next. */
  #pseudonyms(): (text: string) => string {
    const key = randomBytes(32)
    const { domain, history } = this.#options.config
    const own = new Set([history.uri, history.deferred_uri].map(uri => uri.replace(/^sips?:/, '')))
    return text =>
      text.replace(ADDRESS, address => {
        if (own.has(address)) return address
        const name = createHmac('sha256', key).update(address.toLowerCase()).digest('hex').slice(0, 8)
        return address.toLowerCase().endsWith(`@${domain}`)
          ? `user-${name}@${domain}`
          : `user-${name}@elsewhere.invalid`
      })
  }
}

/** Device, place, type and options; of the options only those without a value, as others may be passwords. */
function mountOf(line: string): string {
  const [, place = '', type = '', options = ''] = line.split(' ')
  return place === ''
    ? ''
    : `${place} ${type} ${options
        .split(',')
        .filter(each => !each.includes('='))
        .join(',')}`
}

const jsonOf = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`
