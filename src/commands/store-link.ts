import { resolve } from 'node:path'
import type { Config } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { ControlClient } from '../host/control-client.ts'
import type { ControlVerb } from '../host/control-wire.ts'
import { boxOrLock } from '../host/owner.ts'
import { storeError } from '../host/plain-error.ts'
import { undoSwap } from '../host/restore-swap.ts'
import { WatchedStore } from '../host/watched-store.ts'
import type { StoreResult, Verbs } from '../store/verbs.ts'
import type { World } from './world.ts'

export interface StoreLink {
  ask<V extends ControlVerb>(verb: V, request: Verbs[V]['request']): Promise<Verbs[V]['reply']>
}

/** Through the running box where one uses that data_dir, else with the store itself, opened for as long as `work` lasts. */
export async function withStore<T>(world: World, config: Config, work: (link: StoreLink) => Promise<T>): Promise<T> {
  const dataDir = resolve(config.data_dir)
  const found = await boxOrLock(dataDir)
  if ('box' in found) {
    let { box } = found
    try {
      return await work({
        ask: async (verb, request) => {
          // Whoever reads our output may take their time.
          if (!box.isOpen) box = (await ControlClient.connect(dataDir)) ?? box
          return replyOf(await box.ask(verb, request), dataDir)
        },
      })
    } finally {
      box.close()
    }
  }
  try {
    undoSwap(dataDir)
    const store = new WatchedStore(await world.openStore(dataDir, config, silentLog), silentLog)
    try {
      return await work({ ask: async (verb, request) => replyOf(await store.ask(verb, request), dataDir) })
    } finally {
      await store.close()
    }
  } finally {
    found.lock.release()
  }
}

function replyOf<V extends ControlVerb>(result: StoreResult<V>, dataDir: string): Verbs[V]['reply'] {
  if ('failure' in result) throw storeError(dataDir, result)
  return result.value
}

/** The rows of a verb that answers page by page. */
export async function allPages<T>(page: (last: T | undefined) => Promise<readonly T[]>): Promise<T[]> {
  const rows: T[] = []
  for (;;) {
    const next = await page(rows.at(-1))
    if (next.length === 0) return rows
    rows.push(...next)
  }
}

/** Rows of one page: some hundred kilobytes at most on the control socket. */
export const PAGE_ROWS = 500
