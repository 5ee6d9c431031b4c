import type { JobService, JobView } from '../../services/jobs.ts'
import { type Context, partOf, Refused, running } from '../command.ts'

/** How often is looked how far it is. */
const LOOK_MS = 500
/** A line of progress for so much of it. */
const STEP_PERCENT = 10

export const TOO_MUCH = 'Too much is under way. "show jobs" tells what.'

/** Waits for it, and tells how far it is. ^C ends the job. As it was at its end. */
export async function ended({ report, clock, signal }: Context, jobs: JobService, job: JobView): Promise<JobView> {
  for (let told = 0; ; ) {
    const now = jobs.get(job.id)
    if (!now || now.state === 'cancelled') throw new Refused('It was cancelled.')
    if (now.state === 'failed') throw new Refused(now.reason ?? 'It failed.')
    if (now.state === 'done') return now
    if (signal.aborted) {
      await jobs.remove(job.id)
      throw new Refused('It was ended.')
    }
    const percent = now.total ? Math.floor((100 * now.done) / now.total) : 0
    if (percent >= told + STEP_PERCENT) {
      await report.line(`${percent} %`)
      told = percent
    }
    await new Promise<void>(resolve => clock.after(LOOK_MS, resolve))
  }
}

/** Where a file of so many octets at least can be made. Found out before anything is begun. */
export async function placeFor({ box }: Context, file: string, leastBytes: number): Promise<string> {
  const place = await partOf(box, 'files').place(file, leastBytes)
  if ('why' in place) throw new Refused(place.why)
  return place.path
}

/** What that job makes, in a file there; how many octets. The job is forgotten then. */
export async function written(context: Context, job: JobView, path: string): Promise<number> {
  const { jobs } = running(context.box)
  try {
    await ended(context, jobs, job)
    const result = jobs.result(job.id)
    if (!result) throw new Refused('What was made is gone. Try again.')
    const saved = await partOf(context.box, 'files').save(result, path, context.signal)
    if ('why' in saved) throw new Refused(saved.why)
    return saved.bytes
  } finally {
    await jobs.remove(job.id)
  }
}
