import type { AlarmId, ResetKind } from '../../../services/status.ts'
import { resetKinds } from './progress.en.ts'

/** `count`: as the language writes it; bytes with their unit where the alarm is about bytes. `detail`: what somebody else said. */
interface AlarmWords {
  readonly text: (count: string, detail: string) => string
  readonly todo: string
}

const some = (count: string, one: string, many: string): string => `${count} ${count === '1' ? one : many}`

/** Each alarm as a sentence, and what to do about it. */
export const alarms: Readonly<Record<AlarmId, AlarmWords>> = {
  'store-failing': {
    text: (_, detail) => `No message can be kept: ${detail}.`,
    todo: 'Senders are refused and know it; nothing accepted is lost. Look for a full or failing medium in the log; replace a medium that fails.',
  },
  'slow-progress': {
    text: (_, detail) => `The box is slower than it may be: ${detail}.`,
    todo: 'Nothing is lost. If it stays so, look for a slow medium, or for more work than this box can do.',
  },
  'listener-silent': {
    text: (count, detail) =>
      `${some(count, 'listener does', 'listeners do')} not answer this machine itself any more: ${detail}.`,
    todo: 'Nobody may come in there. It was opened anew and is tried again. See that the machine still has that address, that no other program took the port, and that no firewall keeps the machine from calling itself.',
  },
  'listener-reopened': {
    text: count => `In the last hour a listener was silent and was opened anew ${some(count, 'time', 'times')}.`,
    todo: 'Clients may have found it closed, and come again by themselves. The log says which; if it comes again, make a support bundle.',
  },
  'watchdog-device': {
    text: (_, detail) => `The machine’s watchdog does not watch: ${detail}.`,
    todo: 'A machine that hangs is not reset by itself. See that watchdog.device names it, that nothing else holds it, and that this box may open it.',
  },
  'console-line': {
    text: (_, detail) => `Nobody can work on the serial console: ${detail}.`,
    todo: 'It is looked for every few seconds. See that console.device names it, that it is plugged in, that nothing else holds it, and that this box may open it; where none is meant, leave console.device empty.',
  },
  'unclean-start': {
    text: (count, detail) =>
      `In the last day the box was started ${some(count, 'time', 'times')} after an end that was not in order; the latest: ${resetKinds[detail as ResetKind] ?? detail}.`,
    todo: 'Nothing accepted is lost. Status says what is known of each: where it could not start, do what stands there; if another comes again, look at power supply, memory and medium, and send a support bundle.',
  },
  'flash-low': {
    text: count => `Flash is nearly full: ${count} are free.`,
    todo: 'Below the reserve new messages are refused, and below twice the reserve histories stop growing. Delete what waits for users who will not come back, erase old histories, or use a larger medium.',
  },
  clock: {
    text: () => 'The clock is behind a time that this box has already seen.',
    todo: 'Messages are kept and handed over as always, but nothing expires. Set the clock, or let the box reach a time server.',
  },
  wear: {
    text: count => `The flash memory says that ${count} % of its life is used.`,
    todo: 'Plan to replace it. Make a backup now, and restore it on the new medium.',
  },
  'certificate-ended': {
    text: count => `The certificate ended ${some(count, 'day', 'days')} ago.`,
    todo: 'It is still shown; many clients refuse it. Install a new one, or have the box make one.',
  },
  'certificate-ends': {
    text: count => `The certificate ends in ${some(count, 'day', 'days')}.`,
    todo: 'Renew it before clients refuse it.',
  },
  damaged: {
    text: count =>
      `${some(count, 'stored record does', 'stored records do')} not have the bytes that were written; what is so is set aside.`,
    todo: 'The log names them. Make a backup, and replace the medium: it lost what it had confirmed.',
  },
  'internal-errors': {
    text: count => `${some(count, 'internal error', 'internal errors')} within the last hour.`,
    todo: 'A defect of this software. Please make a support bundle and report it.',
  },
  'messages-refused': {
    text: count =>
      `${some(count, 'message was', 'messages were')} not kept within the last hour; their senders were told.`,
    todo: 'Mostly a mailbox or a sender is at its limit. See who is full in the queue, or raise the limits under Offline delivery.',
  },
  'large-refused': {
    text: count =>
      `${some(count, 'large message was', 'large messages were')} not kept within the last hour; their senders were told.`,
    todo: 'The log says why of each: a full mailbox, a limit of size, or a sender who broke off.',
  },
  'store-slow': {
    text: count =>
      `The flash did not keep up ${some(count, 'time', 'times')} within the last hour; senders were told to come back.`,
    todo: 'If that happens every day, use a faster medium. If it began suddenly, the medium may be about to fail.',
  },
  'mailbox-full': {
    text: count => `${some(count, 'mailbox', 'mailboxes')} came to 80 % of their quota within the last hour.`,
    todo: 'See which in the queue. Their owners are away for long, or somebody sends them too much.',
  },
  'push-kept': {
    text: count =>
      `${some(count, 'delivery', 'deliveries')} broke off within the last hour; the messages stay and are tried again.`,
    todo: 'The life story of a message in the queue says why. Look at the network to those clients.',
  },
  'history-incomplete': {
    text: count =>
      `${some(count, 'time', 'times')} within the last hour a part of a history could not be kept. The messages were delivered all the same.`,
    todo: 'The log says which call, and why: mostly no room on flash.',
  },
  'history-passed-over': {
    text: count => `Clients did not take ${some(count, 'item', 'items')} of a history within the last hour.`,
    todo: 'The log says whose. The items stay in the history.',
  },
  'history-not-recorded': {
    text: count =>
      `${some(count, 'conversation', 'conversations')} within the last hour went on without being recorded.`,
    todo: 'The log says which, and what the box could not join.',
  },
  'notices-lost': {
    text: count => `${some(count, 'sender', 'senders')} who asked what became of their message could not be told.`,
    todo: 'They, or their server, could not be reached. The messages themselves are not concerned.',
  },
  doors: {
    text: count => `${count} requests with wrong passwords, or from strangers, within the last hour.`,
    todo: 'A phone with an old password does that. Guessing is slowed down by itself: the log then says for whom, and from where.',
  },
  'xcap-doors': {
    text: count => `${count} wrong passwords for documents (XCAP) within the last hour.`,
    todo: 'A client with an old password does that. Guessing is slowed down by itself: the log then says for whom, and from where.',
  },
  'page-doors': {
    text: count =>
      `${some(count, 'wrong password or token', 'wrong passwords or tokens')} for this page within the last hour.`,
    todo: 'The log says from where, once it is slowed down. If it was none of you, take the page off that network.',
  },
  xdms: {
    text: count => `The other document server did not take ${some(count, 'list', 'lists')} within the last hour.`,
    todo: 'It is not there, or does not know the box: the log says which. What was missed is written when it is back.',
  },
  'tls-dials': {
    text: count => `${some(count, 'connection', 'connections')} to a SIP peer over TLS failed within the last hour.`,
    todo: 'Its certificate, its name or the line: the log says which, once a minute.',
  },
  handshakes: {
    text: count =>
      `${some(count, 'connection', 'connections')} began TLS or WebSocket and did not go on, within the last hour.`,
    todo: 'Single ones are scanners; many are a client that is set up wrongly, or a port that the wrong protocol is sent to.',
  },
  'streams-refused': {
    text: count =>
      `${some(count, 'connection was', 'connections were')} refused within the last hour: there were too many.`,
    todo: 'Of one address it is mostly a client that connects again and again, or many behind one router.',
  },
  'password-recovered': {
    text: () => 'The password of admin was made anew at the console, by somebody who stood before the box.',
    todo: 'If that was you, choose another one for admin, and this ends; make new tokens for your scripts. If not, somebody was at your box.',
  },
  'backup-old': {
    text: count => `There was no backup for ${some(count, 'day', 'days')}.`,
    todo: 'Make one, and keep it where the box is not.',
  },
  'plain-page': {
    text: () => 'This page is served without encryption to other machines.',
    todo: 'Passwords can be read on the way. Use https, and switch web.plain_http off.',
  },
  'no-digest': {
    text: () => 'Passwords of users are not checked.',
    todo: 'Anybody on the network is who they say. Switch auth.digest on unless a core in front of the box checks.',
  },
}
