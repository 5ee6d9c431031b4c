import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Who } from '../../services/access.ts'
import { Denied, needs } from '../guard.ts'
import { type Html, html } from './html.ts'
import { showNotFound } from './not-found.ts'
import type { Site } from './site.ts'
import type { Visit } from './visit.ts'

/** What the steps of the first run have in common. */

const STEPS = ['password', 'network', 'users', 'summary'] as const
export type Step = (typeof STEPS)[number]

export const pathOf = (step: Step): string => `/setup/${step}`

/** What may be asked before the box is set up: the steps themselves, and what one needs to come to them. */
const OPEN = /^\/(?:setup(?:\/[a-z/]*)?|login|logout|language)(?:\?|$)/

/** While the box is new every page leads to the steps, and nothing else of it answers. To be called behind the guard. */
export function setupFirst(request: FastifyRequest, reply: FastifyReply, { services }: Site): FastifyReply | undefined {
  const { who } = request
  if (!who || !services.access.isNew || OPEN.test(request.url)) return undefined
  if (who.role !== 'admin' || !['GET', 'HEAD'].includes(request.method)) throw new Denied(403, 'not set up')
  return reply.redirect('/setup', 303)
}

/** Runs a step for the administrator of a box that is new; the first one comes before all others. */
export const during =
  (
    site: Site,
    step: Step | undefined,
    run: (request: FastifyRequest, reply: FastifyReply, who: Who) => Promise<FastifyReply> | FastifyReply,
  ) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { access } = site.services
    if (!access.isNew) return showNotFound(site, request, reply)
    const who = needs(request, 'admin')
    if (access.hasPrintedPassword && step !== 'password') return reply.redirect(pathOf('password'), 303)
    return run(request, reply, who)
  }

interface StepView {
  readonly step: Step
  readonly body: Html
  readonly status?: number
  readonly refreshS?: number
}

export function showStep(
  site: Site,
  reply: FastifyReply,
  visit: Visit,
  { step, body, ...shown }: StepView,
): FastifyReply {
  const { setup: words } = visit.strings
  const at = STEPS.indexOf(step)
  const items = STEPS.map((each, index) =>
    each === step
      ? html`<li aria-current="step">${words.steps[each]}</li>`
      : html`<li>${index < at ? html`<a href="${pathOf(each)}">${words.steps[each]}</a>` : words.steps[each]}</li>`,
  )
  const whole = html`<nav aria-label="${words.progress}"><ol class="steps">${items}</ol></nav>
<h2>${words.stepOf(at + 1, STEPS.length)}: ${words.steps[step]}</h2>
${body}`
  return site.show(reply, visit, { title: words.title, body: whole, isAlone: true, ...shown })
}

export const link = (path: string, text: string): Html => html`<p><a class="button" href="${path}">${text}</a></p>`
