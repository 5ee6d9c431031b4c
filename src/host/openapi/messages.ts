import Type from 'typebox'
import {
  closed,
  limit,
  list,
  next,
  type Operations,
  oneOf,
  orNull,
  perhaps,
  place,
  text,
  time,
  whole,
  yes,
} from './shapes.ts'

const row = closed({
  id: text,
  from: orNull(text),
  to: text,
  received: time,
  expires: orNull(time),
  bytes: whole,
  urgent: yes,
  receipt: yes,
  attempts: whole,
  last_failure: orNull(text),
})
const storyMembers = {
  id: text,
  call_id: text,
  message_id: orNull(text),
  from: text,
  to: text,
  bytes: whole,
  events: list(closed({ at: time, event: text, detail: orNull(text) })),
}
const mailbox = closed({ aor: text, count: whole, bytes: whole, receipts: whole, oldest: orNull(time) })

const MESSAGE = '/api/v1/queue/:id'

const messages: Operations = {
  'GET /api/v1/queue': {
    tag: 'messages',
    summary: 'What waits',
    detail:
      'By `id` whatever became of it; by `user` or `sender` what waits; without any of them who has something waiting.',
    query: {
      user: place('An account.'),
      sender: place('In the address of the sender.'),
      id: place('Store id, Call-ID or Message-ID.'),
      after: place('`next` of the page before.'),
      limit: limit(500, 100),
    },
    replies: {
      200: Type.Union([
        closed({ messages: list(row), next }),
        closed({ messages: list(closed(storyMembers)), next }),
        closed({ messages: whole, bytes: whole, mailboxes: list(mailbox), next }),
      ]),
    },
  },
  [`GET ${MESSAGE}`]: {
    tag: 'messages',
    summary: 'The life story of one message',
    detail: 'Its headers are for operators and administrators.',
    replies: {
      200: closed({ ...storyMembers, waiting: orNull(row), contacts: whole, head: perhaps(orNull(text)) }),
    },
  },
  [`POST ${MESSAGE}/deliver`]: {
    tag: 'messages',
    summary: 'Tries to deliver it now',
    replies: { 202: closed({ contacts: whole }) },
  },
  [`DELETE ${MESSAGE}`]: {
    tag: 'messages',
    summary: 'Deletes it; its sender is told who asked for that',
    replies: { 204: null },
  },
}

const entryMembers = {
  reference: text,
  kind: text,
  role: text,
  peer: text,
  from: text,
  to: text,
  subject: orNull(text),
  received: time,
  ended: orNull(time),
  state: text,
  bytes: whole,
  requests: whole,
  call_id: text,
  anonymous: yes,
  asserted_identity: orNull(text),
  recording_name: orNull(text),
}
const item = closed({
  ...entryMembers,
  heads: closed({ invite: orNull(text), answer: orNull(text), bye: orNull(text) }),
  participants: list(closed({ uri: text, display_name: orNull(text), joined: time, left: orNull(time) })),
})
const filters = {
  peer: place('In the address of the other side.'),
  since: place('RFC 3339.'),
  until: place('RFC 3339.'),
  subject: place('In the subject.'),
  kind: place('Kind of item.'),
}

export const job = closed({
  id: text,
  kind: text,
  subject: text,
  state: text,
  done: whole,
  total: orNull(whole),
  started: time,
  ended: orNull(time),
  reason: orNull(text),
  result_bytes: orNull(whole),
  result: orNull(text),
})

const HISTORY = '/api/v1/users/:aor/history'
const ITEM = `${HISTORY}/:reference`

const histories: Operations = {
  'GET /api/v1/history': {
    tag: 'histories',
    summary: 'Whose histories there are, page by page',
    query: { after: place('`next` of the page before.'), limit: limit(500, 50) },
    replies: { 200: closed({ users: list(closed({ aor: text, items: whole, bytes: whole })), next }) },
  },
  [`GET ${HISTORY}`]: {
    tag: 'histories',
    summary: 'Items of a history, page by page',
    query: {
      ...filters,
      order: perhaps(oneOf('newest', 'oldest')),
      limit: limit(500, 50),
      cursor: place('`next` of the page before.'),
    },
    replies: { 200: closed({ aor: text, items: list(closed(entryMembers)), next }) },
  },
  [`GET ${ITEM}`]: { tag: 'histories', summary: 'One item, without what was said', replies: { 200: item } },
  [`GET ${ITEM}/pieces`]: {
    tag: 'histories',
    summary: 'What came when, from whom, and how long it is',
    query: { from: perhaps(whole) },
    replies: {
      200: closed({
        pieces: list(closed({ at: time, from: text, bytes: whole, ends_request: yes })),
        next: orNull(whole),
      }),
    },
  },
  [`GET ${ITEM}/content`]: {
    tag: 'histories',
    summary: 'The octets as they were received',
    replies: { 200: 'application/octet-stream' },
  },
  [`DELETE ${ITEM}`]: { tag: 'histories', summary: 'Deletes an item', replies: { 204: null } },
  [`POST ${HISTORY}/export`]: {
    tag: 'histories',
    summary: 'Writes a history into a file of mails (mbox), as a job',
    body: closed(filters),
    replies: { 202: job },
  },
  [`POST ${HISTORY}/erase`]: {
    tag: 'histories',
    summary: 'Deletes a history, as a job',
    body: closed({ before: place('RFC 3339; without it everything.') }),
    replies: { 202: job },
  },
}

const jobs: Operations = {
  'GET /api/v1/jobs': { tag: 'jobs', summary: 'Long work', replies: { 200: closed({ jobs: list(job) }) } },
  'GET /api/v1/jobs/:id': { tag: 'jobs', summary: 'How far it is', replies: { 200: job } },
  'DELETE /api/v1/jobs/:id': {
    tag: 'jobs',
    summary: 'Ends it, and forgets what it wrote',
    replies: { 200: job },
  },
  'GET /api/v1/jobs/:id/result': {
    tag: 'jobs',
    summary: 'What it wrote',
    replies: { 200: 'application/octet-stream' },
  },
}

export const messaging: Operations = { ...messages, ...histories, ...jobs }
