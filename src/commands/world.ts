import type { Readable, Writable } from 'node:stream'
import type { Config } from '../base/config.ts'
import type { Log } from '../base/log.ts'
import type { EngineParts } from '../host/box-options.ts'
import type { DrivenEngine } from '../host/loop.ts'
import type { Store } from '../host/watched-store.ts'

/** What the commands need of the outside, put together by main. */
export interface World {
  readonly makeEngine: (parts: EngineParts) => Promise<DrivenEngine>
  readonly openStore: (dataDir: string, config: Config, log: Log) => Promise<Store>
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown }
  /** What `out` writes to, for whoever has to know how fast that takes it, and how large it is. Absent: nobody sits there. */
  readonly screen?: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
  readonly out: (text: string) => void
  /** Resolves when whoever reads the output has taken what was written, or reads no more. Absent: at once. */
  readonly taken?: () => Promise<void>
  readonly err: (text: string) => void
}
