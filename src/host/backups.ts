import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../base/config.ts'
import { type Entropy, token } from '../base/entropy.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type {
  BackupService,
  CheckedBackup,
  ConfigurationChoice,
  KeptData,
  RestoreEnd,
  RestoreRefusal,
  Upload,
} from '../services/backup.ts'
import type { JobView } from '../services/jobs.ts'
import { PASSPHRASE_LENGTH_MAX, PASSPHRASE_LENGTH_MIN } from './age-file.ts'
import { backupFile } from './backup-write.ts'
import { contentsHere, contentsOf } from './box-contents.ts'
import type { Jobs } from './jobs.ts'
import { keptData, removeKept } from './kept-data.ts'
import { lastBackupAt, noteBackup } from './last-backup.ts'
import type { OutsideStore } from './outside-store.ts'
import { PlainError } from './plain-error.ts'
import { type Checked, checkBackup } from './restore-check.ts'
import { dropRestore } from './restore-swap.ts'
import type { Restoring } from './restoring.ts'
import { openUpload } from './uploads.ts'
import type { Store, StoreSnapshot } from './watched-store.ts'

interface BackupsOptions {
  readonly config: Config
  readonly dataDir: string
  readonly store: Pick<OutsideStore, 'ask'>
  readonly snapshot: () => StoreSnapshot | undefined
  readonly openStore: (dataDir: string, config: Config, log: Log) => Promise<Store>
  readonly jobs: Jobs
  readonly restoring: Restoring
  readonly entropy: Entropy
  readonly now: () => Now
}

/** Backups of a running box, and what is uploaded to be restored on it. */
export class Backups implements BackupService {
  readonly #options: BackupsOptions
  #checked: Checked | undefined

  /** What an earlier run uploaded and never restored is gone. */
  constructor(options: BackupsOptions) {
    this.#options = options
    dropRestore(options.dataDir)
  }

  lastBackupAt(): number | undefined {
    return lastBackupAt(this.#options.dataDir)
  }

  backup(passphrase: string): JobView | 'weak passphrase' | undefined {
    if (!isPassphrase(passphrase)) return 'weak passphrase'
    const { config, jobs, now } = this.#options
    const at = now().wall
    const stamp = new Date(at).toISOString().slice(0, 19).replaceAll(':', '')
    const fileName = `restante-${config.hostname.replace(/[^\w.-]/g, '_')}-${stamp}.backup.age`
    return jobs.start({
      kind: 'backup',
      subject: config.hostname,
      role: 'admin',
      result: { fileName, contentType: 'application/octet-stream' },
      run: async running => {
        for await (const bytes of this.file(passphrase, running.signal, running.progress.bind(running)))
          await running.write(bytes)
      },
    })
  }

  /** The backup itself, made no faster than it is taken. */
  async *file(
    passphrase: string,
    signal: AbortSignal,
    progress: (done: number, total: number) => void,
  ): AsyncGenerator<Buffer> {
    const { config, dataDir, restoring, now } = this.#options
    const createdAt = now().wall
    const { hostname, domain } = config
    const configText = restoring.configText
    const parts = { dataDir, configText, hostname, domain, createdAt, passphrase, signal, progress }
    yield* backupFile({ ...parts, snapshot: () => this.#snapshot() })
    noteBackup(dataDir, createdAt)
  }

  upload(bytes: number | undefined): Promise<Upload> {
    const { dataDir, config } = this.#options
    return openUpload(join(dataDir, 'restore'), config.deferral.reserve_bytes, bytes)
  }

  check(upload: Upload, passphrase: string): JobView | undefined {
    const { jobs, config, dataDir, entropy } = this.#options
    if (this.#isUnpackedInUse) return undefined
    this.#checked = undefined
    return jobs.start({
      kind: 'restore check',
      subject: config.hostname,
      role: 'admin',
      run: async running => {
        const { signal } = running
        try {
          const { size } = statSync(upload.path)
          const { reserve_bytes: reserveBytes } = config.deferral
          const contents = await contentsHere(() => contentsOf(this.#options.store, dataDir, config), config)
          const { restoring, openStore } = this.#options
          const { configText, configFile } = restoring
          this.#checked = await checkBackup(
            { dataDir, config, configText, configFile, contents, openStore },
            token(entropy, 64),
            { file: upload.path, passphrase, reserveBytes, signal, progress: done => running.progress(done, size) },
          )
        } finally {
          await upload.drop()
        }
      },
    })
  }

  checked(): CheckedBackup | undefined {
    return this.#checked?.view
  }

  restore(id: string, choice: ConfigurationChoice, who: string): 'restoring' | RestoreRefusal {
    const checked = this.#checked
    if (checked?.view.id !== id) return 'gone'
    const chosen = checked.choices[choice]
    // What this box serves with already is no question.
    if (choice !== 'here' && chosen.view.errors.length + chosen.view.missing.length > 0) return 'configuration'
    const { restoring, dataDir } = this.#options
    if (!restoring.begin(dataDir, chosen, who)) return 'busy'
    this.#checked = undefined
    return 'restoring'
  }

  async forget(): Promise<void> {
    this.#checked = undefined
    if (!this.#isUnpackedInUse) dropRestore(this.#options.dataDir)
  }

  get #isUnpackedInUse(): boolean {
    const { jobs, restoring } = this.#options
    return (
      restoring.isUnderWay || jobs.list().some(({ kind, state }) => kind === 'restore check' && state === 'running')
    )
  }

  lastRestore(): RestoreEnd | undefined {
    return this.#options.restoring.last
  }

  kept(): Promise<readonly KeptData[]> {
    return keptData(this.#options.dataDir)
  }

  removeKept(name: string): Promise<boolean> {
    return removeKept(this.#options.dataDir, name)
  }

  #snapshot(): StoreSnapshot {
    const snapshot = this.#options.snapshot()
    if (!snapshot) throw new PlainError('This store cannot be copied while it is in use.')
    return snapshot
  }
}

export const isPassphrase = (text: string): boolean =>
  text.length >= PASSPHRASE_LENGTH_MIN && text.length <= PASSPHRASE_LENGTH_MAX
