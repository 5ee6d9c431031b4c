import type { FastifyPluginAsync } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Log } from '../base/log.ts'
import type { Diagnosis, TestStep } from '../services/diagnosis.ts'
import { type Guarded, needs } from '../web/guard.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, forRole } from './admin-api.ts'

const PATH = '/api/v1/test'

/** Each holds a few sockets, or a file of 1 MiB, for ten seconds at most. */
const AT_ONCE_MAX = 2
const TARGET_LENGTH_MAX = 300

const NewTest = Type.Object(
  {
    what: Type.Enum(['sip', 'msrp', 'disk']),
    target: Type.Optional(Type.String({ minLength: 1, maxLength: TARGET_LENGTH_MAX })),
  },
  { additionalProperties: false },
)
type NewTest = Static<typeof NewTest>

interface Parts {
  readonly guarded: Guarded
  readonly diagnosis: Pick<Diagnosis, 'testSip' | 'testMsrp' | 'testDisk'>
  readonly log: Log
}

/** What a technician tries on the spot, for scripts. Ends when whoever asked is gone. */
export const diagnosisApi = ({ guarded, diagnosis, log }: Parts): FastifyPluginAsync =>
  adminApi({ guarded, log }, app => {
    let running = 0
    app.post<{ Body: NewTest }>(PATH, { ...forRole('operator'), schema: { body: NewTest } }, async (request, reply) => {
      // Who may have the box knock at any door of its network is asked more of.
      if (request.body.target !== undefined) needs(request, 'admin')
      if (running >= AT_ONCE_MAX) throw new Problem(503, 'Two tests are under way. Try again in some seconds.')
      const ending = new AbortController()
      const gone = (): void => ending.abort()
      request.raw.socket.once('close', gone)
      running++
      try {
        const steps: TestStep[] = []
        for await (const step of tested(diagnosis, request.body, ending.signal)) steps.push(step)
        return reply.header('cache-control', 'no-store').send({
          passed: steps.every(({ isOk }) => isOk),
          steps: steps.map(({ what, isOk, result }) => ({ what, passed: isOk, result })),
        })
      } finally {
        running--
        request.raw.socket.off('close', gone)
      }
    })
  })

function tested(
  diagnosis: Parts['diagnosis'],
  { what, target }: NewTest,
  signal: AbortSignal,
): AsyncIterable<TestStep> {
  if (what === 'sip') return diagnosis.testSip(target, signal)
  if (what === 'msrp') return diagnosis.testMsrp(target, signal)
  if (target !== undefined) throw new Problem(422, 'target: a disk has none; the box tests that of data_dir.')
  return diagnosis.testDisk(signal)
}
