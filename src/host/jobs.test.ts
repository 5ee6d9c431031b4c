import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import type { Instant, WallTime } from '../base/time.ts'
import { SystemEntropy } from './entropy.ts'
import { type JobOrder, Jobs, type Running } from './jobs.ts'
import { PlainError } from './plain-error.ts'

const HOUR = 3_600_000

function setUp(t: Test, options: { freeBytes?: () => Promise<number>; reserveBytes?: number } = {}) {
  const dir = join(t.testdir(), 'jobs')
  const clock = { at: 0 }
  const now = () => ({ at: clock.at as Instant, wall: clock.at as WallTime, isWallTrusted: true })
  const common = { entropy: new SystemEntropy(), now, log: silentLog, reserveBytes: 0 }
  const jobs = new Jobs({ dir, ...common, ...options })
  t.teardown(() => jobs.close())
  return { dir, clock, jobs, again: () => new Jobs({ dir, ...common }) }
}

const RESULT = { fileName: 'x.bin', contentType: 'application/x' }

const order = (run: (running: Running) => Promise<unknown>, more: Partial<JobOrder> = {}): JobOrder => ({
  kind: 'test',
  subject: 'it',
  run,
  ...more,
})

/** Ends when it is told to, or cancelled. */
function held(more: Partial<JobOrder> = {}) {
  let end = (): void => {}
  const whole = order(
    ({ signal }) =>
      new Promise<void>((resolve, reject) => {
        end = resolve
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
    more,
  )
  return { order: whole, end: () => end() }
}

const untilEnded = async (jobs: Jobs, id: string) => {
  while (jobs.get(id)?.state === 'running') await new Promise(resolve => setImmediate(resolve))
  return jobs.get(id)
}

t.test('a job tells how far it is, and its result is written for its owner alone', async t => {
  const { jobs, dir } = setUp(t)
  let step = (): void => {}
  const run = async (running: Running) => {
    running.progress(1, 2)
    await running.write(Buffer.from('one '))
    await new Promise<void>(resolve => {
      step = resolve
    })
    await running.write(Buffer.alloc(200_000, 'x'))
    running.progress(2)
  }
  const { id } = jobs.start(order(run, { result: RESULT }))!
  t.match(id, /^[a-z2-7]{26}$/)
  while (jobs.get(id)?.done !== 1) await new Promise(resolve => setImmediate(resolve))
  t.match(jobs.get(id), { state: 'running', done: 1, total: 2, endedAt: null })
  t.equal(jobs.result(id), undefined, 'not before it is whole')
  step()
  t.match(await untilEnded(jobs, id), { state: 'done', done: 2, total: 2, reason: null, resultBytes: 200_004 })
  const { path, bytes } = jobs.result(id)!
  t.equal(bytes, 200_004)
  t.equal(readFileSync(path).toString(), `one ${'x'.repeat(200_000)}`)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(dir).mode & 0o777, 0o700)
  t.match(await jobs.remove(id), { state: 'done' })
  t.equal(jobs.get(id), undefined)
  t.notOk(existsSync(path))
  t.equal(await jobs.remove(id), undefined)
})

t.test('cancelled: it ends, and what it wrote goes', async t => {
  const { jobs, dir } = setUp(t)
  const run = async (running: Running) => {
    for (;;) await running.write(Buffer.alloc(70_000))
  }
  const { id } = jobs.start(order(run, { result: RESULT }))!
  while (!jobs.get(id)?.resultBytes) await new Promise(resolve => setImmediate(resolve))
  t.match(await jobs.remove(id), { state: 'cancelled' })
  t.same(readdirSync(dir), [])
})

t.test('what goes wrong is told in words, and nothing of it stays', async t => {
  const { jobs, dir } = setUp(t)
  const failing = (error: unknown) =>
    order(
      async running => {
        await running.write(Buffer.alloc(70_000))
        throw error
      },
      { result: RESULT },
    )
  const plain = jobs.start(failing(new PlainError('Not today.')))!
  t.match(await untilEnded(jobs, plain.id), { state: 'failed', reason: 'Not today.' })
  const system = jobs.start(failing(Object.assign(new Error('ENOSPC: x'), { code: 'ENOSPC' })))!
  t.match(await untilEnded(jobs, system.id), { state: 'failed', reason: /no space is left/ })
  t.equal(jobs.result(plain.id), undefined)
  t.same(readdirSync(dir), [])
})

t.test('results take no more than half of the flash above the reserve', async t => {
  const free = { bytes: 11_000_000 }
  const { jobs } = setUp(t, {
    reserveBytes: 1_000_000,
    freeBytes: async () => free.bytes,
  })
  let written = 0
  const run = async (running: Running) => {
    for (;;) {
      await running.write(Buffer.alloc(100_000))
      written += 100_000
      free.bytes -= 100_000
    }
  }
  const { id } = jobs.start(order(run, { result: RESULT }))!
  t.match(await untilEnded(jobs, id), { state: 'failed', reason: /no room/ })
  t.ok(written >= 2_500_000 && written <= 5_000_000, `${written}`)
})

t.test('two run at a time, sixteen are kept for a day, the newest first', async t => {
  const { jobs, clock } = setUp(t)
  const [first, second] = [held(), held()]
  const ids = [jobs.start(first.order)!.id, jobs.start(second.order)!.id]
  t.equal(jobs.start(held().order), undefined)
  first.end()
  await untilEnded(jobs, ids[0]!)
  for (let count = 0; count < 30; count++) {
    const { id } = jobs.start(order(async () => {}))!
    await untilEnded(jobs, id)
    ids.push(id)
  }
  const kept = jobs.list().map(({ id }) => id)
  t.equal(kept.length, 16)
  t.equal(kept[0], ids.at(-1))
  t.ok(kept.includes(ids[1]!), 'one that runs is not forgotten')
  clock.at = 24 * HOUR
  t.same(
    jobs.list().map(({ id }) => id),
    [ids[1]],
  )
  t.equal(jobs.get(ids.at(-1)!), undefined)
})

t.test('nothing outlives the process', async t => {
  const { jobs, dir, again } = setUp(t)
  const running = held({ result: RESULT })
  const { id } = jobs.start(running.order)!
  const done = jobs.start(order(running => running.write(Buffer.from('x')), { result: RESULT }))!
  await untilEnded(jobs, done.id)
  await jobs.close()
  t.equal(jobs.get(id)?.state, 'cancelled')
  t.notOk(existsSync(dir))
  t.equal(jobs.start(held().order), undefined)
  mkdirSync(dir)
  writeFileSync(join(dir, 'left over'), 'x')
  await again().close()
  t.notOk(existsSync(dir))
})
