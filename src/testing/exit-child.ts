import { endProcess } from '../host/end-process.ts'
import { openTable } from '../host/lmdb-table.ts'

/** Ends in the midst of a transaction, as a box that is stopped while it starts: LMDB's thread waits for its callback, which never comes. */
const table = openTable(process.argv[2]!, 2 ** 26)
void table.transaction(() => {
  table.put('a', Buffer.from('b'))
  endProcess(7)
})
