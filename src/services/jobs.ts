import type { WallTime } from '../base/time.ts'
import type { Role } from './access.ts'

export type JobState = 'running' | 'done' | 'failed' | 'cancelled'

export interface JobView {
  readonly id: string
  readonly kind: string
  readonly subject: string
  /** Least role of those who may look at it, end it and have its result. */
  readonly role: Role
  readonly state: JobState
  readonly done: number
  readonly total: number | null
  readonly startedAt: WallTime
  readonly endedAt: WallTime | null
  /** Why it failed. */
  readonly reason: string | null
  /** Octets of the result so far; null where there is none. */
  readonly resultBytes: number | null
}

export interface JobResult {
  readonly path: string
  readonly bytes: number
  readonly fileName: string
  readonly contentType: string
}

/** Long work under way. */
export interface JobService {
  /** The newest first. */
  list(): readonly JobView[]
  get(id: string): JobView | undefined
  /** Of a job that is done. */
  result(id: string): JobResult | undefined
  /** Ends it, if it runs, and forgets it with its result. As it then was; undefined: there is no such job. */
  remove(id: string): Promise<JobView | undefined>
}
