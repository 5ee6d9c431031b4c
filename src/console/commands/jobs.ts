import type { JobView } from '../../services/jobs.ts'
import { isoText, timeText } from '../ascii.ts'
import { type Command, commandsOf, partOf, Refused } from '../command.ts'
import type { View } from '../fields.ts'
import type { ConsoleBox } from '../services.ts'

const progress = ({ state, done, total, reason }: JobView): string => {
  if (state === 'failed') return `failed: ${reason ?? ''}`
  if (state !== 'running') return state
  return total === null || total === 0 ? `${done} done` : `${Math.floor((100 * done) / total)} %`
}

const jobJson = (job: JobView): object => ({
  id: job.id,
  kind: job.kind,
  subject: job.subject,
  state: job.state,
  done: job.done,
  total: job.total,
  started: isoText(job.startedAt),
  ended: isoText(job.endedAt),
  reason: job.reason,
  result_bytes: job.resultBytes,
})

export function jobsView(box: ConsoleBox): View {
  const jobs = partOf(box, 'jobs').list()
  const lines = jobs.flatMap(job => [
    `${timeText(job.startedAt)}  ${job.kind} ${job.subject}: ${progress(job)}`,
    `  id ${job.id}`,
  ])
  return { json: { jobs: jobs.map(jobJson) }, lines: lines.length > 0 ? lines : ['No long work.'] }
}

export const jobCommands: readonly Command[] = [
  ...commandsOf('user', [
    {
      syntax: 'show jobs',
      help: 'long work: backups, exports',
      role: 'operator',
      isReduced: true,
      run: async ({ box, report }) => {
        const { json, lines } = jobsView(box)
        await report.show(json, lines)
      },
    },
  ]),
  ...commandsOf('enabled', [
    {
      syntax: 'jobs remove ID',
      help: 'ends long work and forgets it, with its result',
      params: { ID: { help: 'as show jobs has it', suggest: box => box.jobs?.list().map(({ id }) => id) ?? [] } },
      isReduced: true,
      run: async ({ box, report, confirm }, args) => {
        const jobs = partOf(box, 'jobs')
        const id = args.get('ID')!
        const job = jobs.get(id)
        if (!job) throw new Refused('There is no such job. "show jobs" has all.')
        if (!(await confirm(`End and forget ${job.kind} ${job.subject}?`)))
          return await report.line('Nothing was done.')
        await jobs.remove(id)
        await report.line('Done.')
      },
    },
  ]),
]
