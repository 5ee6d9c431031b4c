import Type from 'typebox'
import { job } from './messages.ts'
import { closed, list, type Operations, orNull, text, time, whole, yes } from './shapes.ts'

const contents = closed({
  hostname: text,
  domain: text,
  accounts: whole,
  mailboxes: whole,
  waiting: whole,
  damaged: whole,
  waiting_bytes: whole,
  oldest: orNull(time),
})
const restore = closed({
  last_backup: orNull(time),
  checked: orNull(
    closed({
      id: text,
      created: time,
      version: text,
      contents,
      here: contents,
      configurations: list(Type.Unknown()),
    }),
  ),
  last_restore: orNull(closed({ at: time, done: yes, reason: orNull(text), kept: orNull(text) })),
  kept: list(Type.Unknown()),
})

const RESTORE = '/api/v1/restore'

export const keeping: Operations = {
  'POST /api/v1/backup': {
    tag: 'keeping',
    summary: 'Writes a backup, locked with a passphrase, as a job',
    replies: { 202: job },
  },
  [`GET ${RESTORE}`]: {
    tag: 'keeping',
    summary: 'What a restore would change, what the last one did, and what it put aside',
    replies: { 200: restore },
  },
  [`POST ${RESTORE}`]: {
    tag: 'keeping',
    summary: 'Takes a backup and checks it as a whole, as a job; nothing is changed',
    bodyType: 'multipart/form-data',
    body: closed({ passphrase: text, file: Type.String({ contentMediaType: 'application/octet-stream' }) }),
    replies: { 202: job },
  },
  [`DELETE ${RESTORE}`]: { tag: 'keeping', summary: 'Forgets the backup that was checked', replies: { 204: null } },
  [`POST ${RESTORE}/confirm`]: {
    tag: 'keeping',
    summary: 'Puts the checked backup in the place of what is there',
    replies: { 202: closed({ state: Type.Literal('restoring') }) },
  },
  [`DELETE ${RESTORE}/kept/:name`]: {
    tag: 'keeping',
    summary: 'Deletes what a restore put aside',
    replies: { 204: null },
  },
  'POST /api/v1/support': {
    tag: 'keeping',
    summary: 'A support bundle without secrets and contents; `addresses`: with the addresses of users',
    replies: { 200: 'application/gzip' },
  },
}
