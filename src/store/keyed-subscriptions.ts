import { whole } from './damage.ts'
import { justAfter, pastPrefix, SUBSCRIPTION_COUNT_KEY, subscriptionKey } from './keys.ts'
import { openFields, writer } from './record-bytes.ts'
import { decodeSeq, encodeSeq } from './records.ts'
import { SUBSCRIPTION_LENGTH_MAX } from './story.ts'
import type { Do, Tables } from './tables.ts'

export const putSubscription: Do<'subscription.put'> = (tables, { id, value, max }) => {
  if (id.length + value.length > SUBSCRIPTION_LENGTH_MAX)
    throw new RangeError(`a subscription of more than ${SUBSCRIPTION_LENGTH_MAX} characters`)
  const key = subscriptionKey(id)
  if (!tables.kv.get(key)) {
    const count = countOf(tables)
    if (count >= max) return 'full'
    putCount(tables, count + 1)
  }
  tables.kv.put(key, writer.begin().text(value).finish(key))
  return 'kept'
}

export const removeSubscription: Do<'subscription.remove'> = (tables, { id }) => {
  const key = subscriptionKey(id)
  if (!tables.kv.get(key)) return 'absent'
  tables.kv.remove(key)
  putCount(tables, countOf(tables) - 1)
  return 'removed'
}

export const listSubscriptions: Do<'subscription.list'> = (tables, { after, limit }) => {
  const start = after === undefined ? subscriptionKey('') : justAfter(subscriptionKey(after))
  return tables.kv.range(start, pastPrefix(subscriptionKey('')), { limit }).map(({ key, value: record }) => {
    const id = key.slice(1)
    const value = whole(openFields(key, record), { table: 'subscription', id }, key, record).text()
    return { id, value }
  })
}

function countOf(tables: Tables): number {
  const record = tables.kv.get(SUBSCRIPTION_COUNT_KEY)
  if (!record) return 0
  const key = SUBSCRIPTION_COUNT_KEY
  return whole(decodeSeq(key, record), { table: 'subscription count' }, key, record)
}

function putCount(tables: Tables, count: number): void {
  tables.kv.put(SUBSCRIPTION_COUNT_KEY, encodeSeq(SUBSCRIPTION_COUNT_KEY, count))
}

/** A subscriber that is told nothing any more subscribes anew. */
export function dropDamagedSubscription(tables: Tables, id: string): void {
  tables.kv.remove(subscriptionKey(id))
  subscriptionCountAgain(tables)
}

export function subscriptionCountAgain(tables: Tables): void {
  const prefix = subscriptionKey('')
  putCount(tables, tables.kv.range(prefix, pastPrefix(prefix)).length)
}
