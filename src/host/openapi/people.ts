import Type from 'typebox'
import { JSON_NAMES, SETTING_NAMES } from '../../base/service-settings.ts'
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

const named = closed(Object.fromEntries(SETTING_NAMES.map(name => [JSON_NAMES[name], orNull(yes)])))
const settings = closed({
  aor: text,
  version: whole,
  effective: named,
  stored: named,
  published: list(closed({ publisher: text, modified: time, expires: time, counts: yes, settings: named })),
})
const changedSettings = Type.Object(
  {
    ...Object.fromEntries(SETTING_NAMES.map(name => [JSON_NAMES[name], perhaps(orNull(yes))])),
    version: perhaps(whole),
  },
  { additionalProperties: false },
)

const binding = closed({
  contact: text,
  transport: text,
  from: text,
  flow: oneOf('open', 'closed', 'unknown'),
  features: list(text),
  instant_messaging: yes,
  instance: orNull(text),
  q: Type.Number({ minimum: 0, maximum: 1 }),
  path: list(text),
  user_agent: orNull(text),
  registered: time,
  expires: time,
})
const origin = oneOf('file', 'store')
const user = closed({
  aor: text,
  origin,
  has_password: yes,
  algorithms: list(text),
  bindings: list(binding),
  waiting: closed({ messages: whole, urgent: whole, bytes: whole }),
  history: closed({ items: whole, bytes: whole }),
  settings: named,
})
const password = closed({ aor: text, password: orNull(text) })

const USER = '/api/v1/users/:aor'

export const people: Operations = {
  'GET /api/v1/users': {
    tag: 'users',
    summary: 'Accounts, page by page',
    query: {
      search: place('In the address.'),
      after: place('`next` of the page before.'),
      limit: limit(500, 100),
    },
    replies: {
      200: closed({
        users: list(closed({ aor: text, origin, contacts: whole, waiting: whole, waiting_bytes: whole })),
        next,
        accounts: whole,
        contacts: whole,
      }),
    },
  },
  'POST /api/v1/users': {
    tag: 'users',
    summary: 'A new account',
    detail: 'Without a password one is made, and told this once.',
    body: closed({ aor: text, password: perhaps(text) }),
    replies: { 201: password },
  },
  [`GET ${USER}`]: { tag: 'users', summary: 'One account', replies: { 200: user } },
  [`DELETE ${USER}`]: {
    tag: 'users',
    summary: 'Removes an account, with what waits for it',
    replies: { 204: null },
  },
  [`POST ${USER}/password`]: {
    tag: 'users',
    summary: 'Another password for an account',
    detail: 'Without one in the body it is made, and told this once.',
    body: closed({ password: perhaps(text) }),
    replies: { 200: password },
  },
  [`GET ${USER}/bindings`]: {
    tag: 'users',
    summary: 'What is registered for an account',
    replies: { 200: closed({ aor: text, bindings: list(binding) }) },
  },
  [`POST ${USER}/provisioning`]: {
    tag: 'users',
    summary: 'A link that sets up a phone, for some minutes and once',
    replies: { 201: closed({ aor: text, path: text, minutes: whole }) },
  },
  [`GET ${USER}/settings`]: {
    tag: 'users',
    summary: 'What a user decided',
    detail: 'The ETag is for If-Match.',
    replies: { 200: settings },
  },
  [`PUT ${USER}/settings`]: {
    tag: 'users',
    summary: 'Changes some settings of a user',
    detail: 'null: not decided. With `version`, or If-Match, only where nobody changed them meanwhile.',
    body: changedSettings,
    replies: { 200: settings },
  },
}
