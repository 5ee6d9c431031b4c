import { statSync } from 'node:fs'
import type { Config } from '../../base/config.ts'
import { type Log, silentLog } from '../../base/log.ts'
import type { StoreResult, Verb, Verbs } from '../../store/verbs.ts'
import { FolderLock } from '../lock.ts'
import { messageOf, PlainError, storeError } from '../plain-error.ts'
import { type Store, WatchedStore } from '../watched-store.ts'
import { lockOwner } from './lock-owner.ts'

/** One command asks several times; a service that starts waits for the lock for longer than this. */
const KEEP_MS = 500

export type OpenStore = (dataDir: string, config: Config, log: Log) => Promise<Store>

interface Open {
  readonly store: WatchedStore
  readonly lock: FolderLock
}

/** The store of a box that does not serve, opened for as long as somebody asks: whoever starts the service finds it free. */
export class ReducedStore {
  readonly #dataDir: string
  readonly #config: Config
  readonly #openStore: OpenStore
  #open: Promise<Open> | undefined
  #asking = 0
  #timer: NodeJS.Timeout | undefined

  constructor(dataDir: string, config: Config, openStore: OpenStore) {
    this.#dataDir = dataDir
    this.#config = config
    this.#openStore = openStore
  }

  /** Throws PlainError with what to tell a person. */
  async need<V extends Verb>(verb: V, request: Verbs[V]['request']): Promise<Verbs[V]['reply']> {
    const result = await this.ask(verb, request)
    if ('failure' in result) throw storeError(this.#dataDir, result)
    return result.value
  }

  async ask<V extends Verb>(verb: V, request: Verbs[V]['request']): Promise<StoreResult<V>> {
    clearTimeout(this.#timer)
    this.#asking++
    this.#open ??= this.#opened()
    try {
      const { store } = await this.#open
      return await store.ask(verb, request)
    } catch (error) {
      this.#open = undefined
      throw error
    } finally {
      if (--this.#asking === 0) this.#timer = setTimeout(() => this.close().catch(() => {}), KEEP_MS)
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    const open = this.#open
    this.#open = undefined
    const { store, lock } = (await open?.catch(() => undefined)) ?? {}
    await store?.close()
    lock?.release()
  }

  async #opened(): Promise<Open> {
    if (!statSync(this.#dataDir, { throwIfNoEntry: false })?.isDirectory())
      throw new PlainError(`${this.#dataDir} is not there: nothing was stored yet.`)
    const lock = await FolderLock.take(this.#dataDir)
    if (!lock) throw new PlainError(`The store is in use by ${holderText(this.#dataDir)}.`)
    try {
      return { store: new WatchedStore(await this.#openStore(this.#dataDir, this.#config, silentLog), silentLog), lock }
    } catch (error) {
      lock.release()
      throw new PlainError(messageOf(error))
    }
  }
}

export function holderText(dataDir: string): string {
  const owner = lockOwner(dataDir)
  if (owner?.pid === undefined) return 'another process'
  return `process ${owner.pid}${owner.state ? `, which is ${owner.state}` : ''}`
}
