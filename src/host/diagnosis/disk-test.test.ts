import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { TestStep } from '../../services/diagnosis.ts'
import { PlainError } from '../plain-error.ts'
import { testDisk } from './disk-test.ts'
import { mountOf } from './mounts.ts'

const never = new AbortController().signal

async function tested(
  t: Test,
  more: Partial<Parameters<typeof testDisk>[0]> = {},
  signal = never,
): Promise<TestStep[]> {
  const steps: TestStep[] = []
  for await (const step of testDisk({ dataDir: t.testdir({}), reserveBytes: 1, ...more }, signal)) steps.push(step)
  return steps
}

const wrong = (steps: readonly TestStep[]): string[] =>
  steps.filter(({ isOk }) => !isOk).map(({ what, result }) => `${what}: ${result}`)

t.test('a medium that refuses is told in words, and the other steps go on', async t => {
  const none = await tested(t, { fileOf: dir => join(dir, 'none/file') })
  t.equal(none.length, 5)
  t.match(wrong(none), [
    /^Write and flush 1 MiB: there is no such file or folder/,
    /^Read it back: There is no file/,
    /^Remove it, and flush that: There is no file/,
  ])
})

t.test('a file that is there already is neither written nor removed', async t => {
  const places: string[] = []
  const fileOf = (dir: string): string => {
    const path = join(dir, 'there')
    writeFileSync(path, 'of somebody else')
    places.push(path)
    return path
  }
  t.match(wrong(await tested(t, { fileOf }))[0], /there is a file of that name/)
  t.equal(readFileSync(places[0]!, 'utf8'), 'of somebody else')
})

t.test('too little room is told in words', async t => {
  const reserved = wrong(await tested(t, { reserveBytes: 2 ** 60 }))
  t.match(reserved, [/^Free space: .* free, .*reserve_bytes\): no message is kept/])
})

t.test('a store that cannot write is told in its words', async t => {
  const record = async () => {
    throw new PlainError('the store cannot be used')
  }
  t.same(wrong(await tested(t, { record })), ['Write and flush a record of the store: the store cannot be used'])
})

t.test('a medium that hangs ends the test in time', async t => {
  const steps = await tested(t, { record: () => new Promise<never>(() => {}), limitMs: 300 })
  t.match(steps.at(-1), { isOk: false, result: /the medium hangs/ })
})

t.test('a signal ends it, and no file stays', async t => {
  const dataDir = t.testdir({})
  const ending = new AbortController()
  const steps: TestStep[] = []
  for await (const step of testDisk({ dataDir, reserveBytes: 1 }, ending.signal)) {
    steps.push(step)
    if (step.what.startsWith('Write')) ending.abort()
  }
  t.match(steps.at(-1), { isOk: false, result: 'Stopped.' })
  while (readdirSync(dataDir).length > 0) await new Promise(setImmediate)
})

t.test('what a folder lies on is the innermost and latest mount', async t => {
  const dir = t.testdir({})
  const file = join(dir, 'mounts')
  writeFileSync(
    file,
    `/dev/root / ext4 ro 0 0
/dev/a /data ext4 rw,noatime 0 0
/dev/b /data/in\\040side vfat rw 0 0
tmpfs /data tmpfs ro 0 0
`,
  )
  t.match(await mountOf('/data/store', file), { source: 'tmpfs', options: 'ro' })
  t.match(await mountOf('/data/in side/x', file), { source: '/dev/b', type: 'vfat' })
  t.match(await mountOf('/database', file), { source: '/dev/root' })
  mkdirSync(join(dir, 'none'))
  t.equal(await mountOf('/x', join(dir, 'none/mounts')), undefined)
})
