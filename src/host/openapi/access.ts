import { closed, list, type Operations, oneOf, orNull, perhaps, text, time, yes } from './shapes.ts'

const role = oneOf('admin', 'operator', 'viewer')
const setup = closed({ is_new: yes, has_printed_password: yes })

export const access: Operations = {
  'PUT /api/v1/password': { tag: 'access', summary: 'Changes your own password', replies: { 204: null } },
  'GET /api/v1/sessions': {
    tag: 'access',
    summary: 'Who is signed in: yourself; for administrators everybody',
    replies: {
      200: closed({
        sessions: list(
          closed({ id: text, name: text, since: time, seen: time, from: text, agent: text, is_this: yes }),
        ),
      }),
    },
  },
  'DELETE /api/v1/sessions/:id': { tag: 'access', summary: 'Ends a session', replies: { 204: null } },
  'GET /api/v1/administrators': {
    tag: 'access',
    summary: 'Administrators, operators and viewers',
    replies: { 200: closed({ administrators: list(closed({ name: text, role, changed: time })) }) },
  },
  'POST /api/v1/administrators': {
    tag: 'access',
    summary: 'One more',
    detail: 'Without a password one is made, and told this once.',
    replies: { 201: closed({ name: text, role, password: perhaps(text) }) },
  },
  'PUT /api/v1/administrators/:name/role': {
    tag: 'access',
    summary: 'Another role',
    replies: { 204: null },
  },
  'PUT /api/v1/administrators/:name/password': {
    tag: 'access',
    summary: 'Another password; all sessions of that name end',
    detail: 'Without one in the body it is made, and told this once.',
    replies: { 200: closed({ password: text }), 204: null },
  },
  'DELETE /api/v1/administrators/:name': { tag: 'access', summary: 'Removes one', replies: { 204: null } },
  'GET /api/v1/tokens': {
    tag: 'access',
    summary: 'Tokens for scripts, without their secrets',
    replies: {
      200: closed({ tokens: list(closed({ id: text, name: text, role, created: time, expires: orNull(time) })) }),
    },
  },
  'POST /api/v1/tokens': {
    tag: 'access',
    summary: 'A token for a script; its secret is told this once',
    replies: { 201: closed({ id: text, secret: text, name: text, role, expires: orNull(time) }) },
  },
  'DELETE /api/v1/tokens/:id': { tag: 'access', summary: 'Removes a token', replies: { 204: null } },
  'GET /api/v1/setup': { tag: 'access', summary: 'Whether the box was set up', replies: { 200: setup } },
  'POST /api/v1/setup/finish': {
    tag: 'access',
    summary: 'Ends the first run, for good',
    replies: { 200: setup },
  },
}
