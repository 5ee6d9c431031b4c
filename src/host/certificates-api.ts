import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import type { CertificateOffer, CertificateRefusal, CertificateView } from '../services/certificates.ts'
import type { WebServices } from '../services/services.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, forRole } from './admin-api.ts'
import { applyFor, trial } from './configuration-api.ts'

const PATH = '/api/v1/certificates'

/** A chain of ten fits. */
const PEM_LENGTH_MAX = 64 * 1024
/** Two of them as JSON, where each line end takes two octets. */
const BODY_BYTES_MAX = 256 * 1024

const pem = Type.String({ maxLength: PEM_LENGTH_MAX })
const closed = { additionalProperties: false }
const Given = Type.Object({ certificate: pem, key: Type.Optional(pem), ...trial }, closed)
const Made = Type.Object(trial, closed)

/** The certificate of all listeners with TLS. Keys come in, and never go out. */
export const certificatesApi = (services: WebServices): FastifyPluginAsync =>
  adminApi({ guarded: services, log: services.log }, app => {
    const { certificates, configuration } = services
    app.get(PATH, forRole('operator'), async (_request, reply) => {
      const view = certificates.view()
      return plainly(reply).send({ certificate: view ? certificateView(view) : null })
    })
    app.get(`${PATH}/certificate.pem`, forRole('viewer'), async (_request, reply) =>
      pemFile(reply, 'certificate.pem', certificates.certificate()),
    )
    app.post<{ Body: Static<typeof Given> }>(
      PATH,
      { schema: { body: Given }, bodyLimit: BODY_BYTES_MAX },
      async (request, reply) => {
        const { certificate, key = '' } = request.body
        const { view, changes } = orProblem(certificates.offer({ certificate, key }))
        return applyFor(configuration, changes, request, reply, { certificate: certificateView(view) })
      },
    )
    app.post<{ Body: Static<typeof Made> }>(
      `${PATH}/self-signed`,
      { schema: { body: Made } },
      async (request, reply) => {
        const { view, changes } = orProblem(await certificates.make())
        return applyFor(configuration, changes, request, reply, { certificate: certificateView(view) })
      },
    )
    app.post(`${PATH}/request`, async (_request, reply) => pemFile(reply, 'request.pem', await certificates.request()))
    app.get(`${PATH}/request.pem`, forRole('operator'), async (_request, reply) =>
      pemFile(reply, 'request.pem', certificates.lastRequest()),
    )
  })

function pemFile(reply: FastifyReply, name: string, text: string | undefined): FastifyReply {
  if (text === undefined) throw new Problem(404, 'There is none yet.')
  return plainly(reply)
    .headers({ 'content-disposition': `attachment; filename="${name}"`, 'x-content-type-options': 'nosniff' })
    .type('application/x-pem-file')
    .send(text)
}

function orProblem(made: CertificateOffer | CertificateRefusal): CertificateOffer {
  if (!('errors' in made)) return made
  const list = Object.entries(made.errors).map(([key, detail]) => ({ key, detail }))
  throw new Problem(422, list.map(({ key, detail }) => `${key}: ${detail}`).join(' '), {}, { errors: list })
}

const certificateView = ({ isOwn, isSelfSigned, from, until, leftMs, ...view }: CertificateView) => ({
  ...view,
  is_own: isOwn,
  is_self_signed: isSelfSigned,
  from: new Date(from).toISOString(),
  until: new Date(until).toISOString(),
  left_s: leftMs === undefined ? null : Math.floor(leftMs / 1000),
})

const plainly = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')
