import type { ConsoleServices } from '../../console/services.ts'
import { alarms } from '../../web/page/strings/alarms.en.ts'

/** Alarms whose number is octets. */
const OF_BYTES: ReadonlySet<string> = new Set(['flash-low'])
const MIB = 1024 * 1024

/** Each alarm in the words of the page, in English. */
export const alarmWords: ConsoleServices['alarmWords'] = ({ id, count, detail }) => ({
  text: alarms[id].text(OF_BYTES.has(id) ? `${Math.round(count / MIB)} MiB` : `${count}`, detail),
  todo: alarms[id].todo,
})
