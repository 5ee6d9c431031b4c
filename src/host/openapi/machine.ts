import Type from 'typebox'
import { closed, list, type Operations, orNull, perhaps, text, time, whole, yes } from './shapes.ts'

const anything = Type.Unknown()
const difference = closed({ key: text, before: anything, after: anything })
const pending = orNull(closed({ by: text, left_s: whole, differences: list(difference) }))
const standingMembers = { version: text, is_starting: yes, pending, pages: list(text) }
const standing = closed(standingMembers)
const nothing = closed({ version: text, differences: list(difference) })

const certificate = closed({
  file: text,
  is_own: yes,
  is_self_signed: yes,
  subject: text,
  issuer: text,
  names: list(text),
  from: time,
  until: time,
  left_s: orNull(whole),
  fingerprint: text,
  key: text,
  chain: whole,
  warnings: list(anything),
})
const tried = {
  200: closed({ version: text, differences: list(difference), certificate }),
  202: closed({ ...standingMembers, certificate }),
}
const clock = closed({
  now: time,
  floor: time,
  is_trusted: yes,
  source: text,
  asked: orNull(text),
  can_set: yes,
  zone: Type.Literal('UTC'),
})

const CONFIG = '/api/v1/config'
const CERTIFICATES = '/api/v1/certificates'
const PEM = 'application/x-pem-file'

const test = closed({ passed: yes, steps: list(closed({ what: text, passed: yes, result: text })) })

export const machine: Operations = {
  'POST /api/v1/test': {
    tag: 'machine',
    summary: 'Try the network or the disk on the spot',
    detail:
      '`sip`: OPTIONS to each listener of the box, or to the URI in `target`. `msrp`: a transaction with each listener, or a connection to the host:port in `target`. `disk`: a file and a record, written and flushed. Within 10 s. A `target` is for administrators.',
    replies: { 200: test },
  },
  [`GET ${CONFIG}`]: {
    tag: 'configuration',
    summary: 'Every key with what it is and what it would be',
    detail: 'Secrets are not shown. The ETag is for If-Match.',
    replies: {
      200: closed({
        version: text,
        file: text,
        keys: list(
          closed({
            key: text,
            value: perhaps(anything),
            is_set: perhaps(yes),
            default: anything,
            is_written: yes,
            is_secret: yes,
            is_fixed: yes,
            schema: anything,
          }),
        ),
        is_starting: yes,
        pending,
        last_failure: orNull(text),
        restart_needed: orNull(text),
      }),
    },
  },
  [`GET ${CONFIG}/schema`]: {
    tag: 'configuration',
    summary: 'The JSON Schema of the file',
    replies: { 200: 'application/schema+json' },
  },
  [`POST ${CONFIG}/check`]: {
    tag: 'configuration',
    summary: 'What a change would do',
    replies: { 200: closed({ differences: list(difference), warnings: list(text), pages: list(text) }) },
  },
  [`POST ${CONFIG}/apply`]: {
    tag: 'configuration',
    summary: 'Applies a change on trial',
    detail:
      'It goes back by itself unless it is confirmed within `confirm_s` seconds. `version`, or If-Match, names the configuration that it was made from.',
    replies: { 200: nothing, 202: standing },
  },
  [`POST ${CONFIG}/confirm`]: { tag: 'configuration', summary: 'The change stays', replies: { 200: standing } },
  [`POST ${CONFIG}/revert`]: { tag: 'configuration', summary: 'The change goes back', replies: { 202: standing } },
  [`GET ${CERTIFICATES}`]: {
    tag: 'machine',
    summary: 'The certificate in use',
    replies: { 200: closed({ certificate: orNull(certificate) }) },
  },
  [`GET ${CERTIFICATES}/certificate.pem`]: {
    tag: 'machine',
    summary: 'The certificate as a file',
    replies: { 200: PEM },
  },
  [`POST ${CERTIFICATES}`]: {
    tag: 'machine',
    summary: 'Another certificate, on trial like any change',
    replies: tried,
  },
  [`POST ${CERTIFICATES}/self-signed`]: {
    tag: 'machine',
    summary: 'A new self-signed certificate, on trial like any change',
    replies: tried,
  },
  [`POST ${CERTIFICATES}/request`]: {
    tag: 'machine',
    summary: 'A key, which stays in the box, and a request for an authority',
    replies: { 200: PEM },
  },
  [`GET ${CERTIFICATES}/request.pem`]: { tag: 'machine', summary: 'The last request', replies: { 200: PEM } },
  'GET /api/v1/time': { tag: 'machine', summary: 'The clock of the box', replies: { 200: clock } },
  'PUT /api/v1/time': { tag: 'machine', summary: 'Sets the clock', replies: { 200: clock } },
}
