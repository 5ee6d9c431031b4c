import type { ConsoleServices } from '../../console/services.ts'
import type { AlarmId } from '../../services/status.ts'
import { alarms } from '../../web/page/strings/alarms.en.ts'

/** Alarms whose number is octets. */
const OF_BYTES: ReadonlySet<string> = new Set(['flash-low'])
const MIB = 1024 * 1024

/** Where the words of the page lead to a part of the page, the command that does it here. */
const HERE: Readonly<Partial<Record<AlarmId, string>>> = {
  'unclean-start':
    'Nothing accepted is lost. "show resets" says what is known of each: where it could not start, do what stands there; if another comes again, look at power supply, memory and medium, and send what "show tech-support" shows.',
  'flash-low':
    'Below the reserve new messages are refused, and below twice the reserve histories stop growing. "show queue" says whose messages wait: "user remove" takes those of users who will not come back; or use a larger medium.',
  clock:
    'Messages are kept and handed over as always, but nothing expires. "clock set" sets it, or let the box reach a time server.',
  wear: 'Plan to replace it. Make a backup now ("backup FILE"), and restore it on the new medium.',
  damaged:
    '"show log" names them. Make a backup ("backup FILE"), and replace the medium: it lost what it had confirmed.',
  'internal-errors': 'A defect of this software. Please report it with what "show tech-support" shows.',
  'messages-refused':
    'Mostly a mailbox or a sender is at its limit. "show queue" says who is full; deferral.quota_messages and deferral.quota_bytes are the limits.',
  'mailbox-full': '"show queue" says which. Their owners are away for long, or somebody sends them too much.',
  'push-kept': '"show queue AOR" and "trace ID" say why. Look at the network to those clients.',
  'password-recovered':
    'If that was you, choose another one ("administrator password admin"), and this ends; make new tokens for your scripts. If not, somebody was at your box.',
  'backup-old': 'Make one ("backup FILE"), and keep it where the box is not.',
}

/** Each alarm in the words of the page, in English, and what to do about it in commands of the console. */
export const alarmWords: ConsoleServices['alarmWords'] = ({ id, count, detail }) => ({
  text: alarms[id]
    .text(OF_BYTES.has(id) ? `${Math.round(count / MIB)} MiB` : `${count}`, detail)
    .replace(/\bthis page\b/i, match => (match.startsWith('T') ? 'The page' : 'the page')),
  todo: HERE[id] ?? alarms[id].todo,
})
