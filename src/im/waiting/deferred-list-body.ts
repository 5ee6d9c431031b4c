import type { Now } from '../../base/time.ts'
import { isListed, listEntry } from '../../content/deferred-list.ts'
import { LIST_END, LIST_START } from '../../content/list-xml.ts'
import type { StoreClient } from '../../store/verbs.ts'

/** Below the 64 KiB of a datagram with room for the headers; some hundred messages. */
const LIST_BYTES_MAX = 49_152

const PAGE = 64

/** The deferred list of that user as one piece. Undefined: the store could not be asked. */
export function wholeList(
  store: StoreClient,
  aor: string,
  done: (now: Now, list: Buffer | 'too long' | undefined) => void,
): void {
  let list = LIST_START
  const next = (afterSeq: number): void =>
    store.ask('mailbox', { aor, afterSeq, limit: PAGE, withHead: true }, (then, result) => {
      if ('failure' in result) return done(then, undefined)
      for (const row of result.value)
        if (isListed(row, then)) list += listEntry({ ...row, head: row.head ?? Buffer.alloc(0) })
      if (Buffer.byteLength(list) > LIST_BYTES_MAX) return done(then, 'too long')
      const last = result.value.at(-1)
      if (last && result.value.length === PAGE) next(last.seq)
      else done(then, Buffer.from(list + LIST_END))
    })
  next(0)
}
