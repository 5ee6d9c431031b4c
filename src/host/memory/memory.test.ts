import t from 'tap'
import { engineLimits } from './engine-limits.ts'
import { leftBytes, memoryBytes, ownBytes, SMALL_BYTES, withinMemory } from './machine.ts'
import { KeyLine } from './password-key.ts'
import { dropRest, makeRoom, saveMemory } from './thrift.ts'

const MIB = 1024 * 1024

t.test('the memory is that of the control group, where it is less than the machine has', async t => {
  t.equal(memoryBytes(1024 * MIB, 128 * MIB), 128 * MIB)
  t.equal(memoryBytes(1024 * MIB, 0), 1024 * MIB, 'no group')
  t.equal(memoryBytes(1024 * MIB, 2 ** 63), 1024 * MIB, 'a group without a limit')
})

t.test('own memory is what the kernel counts as anonymous', async t => {
  t.equal(ownBytes('VmRSS:\t 900 kB\nRssAnon:\t     100 kB\nRssFile:\t 800 kB\n'), 100 * 1024)
  t.ok(ownBytes('') > 0, 'all that is resident, where it does not say')
  t.ok(leftBytes() > 0)
})

t.test('a bound gives way on a small machine alone', async t => {
  t.equal(withinMemory(256 * MIB, 1 / 8, 128 * MIB), 16 * MIB)
  t.equal(withinMemory(MIB, 1 / 8, 128 * MIB), MIB, 'what is small enough stays')
  t.equal(withinMemory(256 * MIB, 1 / 8, SMALL_BYTES), 256 * MIB)
})

t.test('a small machine hands over fewer mailboxes at once, and remembers fewer answers', async t => {
  t.strictSame(engineLimits(128 * MIB), { pushes: 128, answerBytes: 4 * MIB })
  t.strictSame(engineLimits(MIB), { pushes: 1, answerBytes: MIB / 32 }, 'never none')
  t.strictSame(engineLimits(SMALL_BYTES), { pushes: 256, answerBytes: 8 * MIB })
})

const LOOKS = 30

t.test('a small machine gives back what grew, and searches the heap when little is left', async t => {
  const done: string[] = []
  let own = 40 * MIB
  const clock = t.capture(globalThis, 'setInterval', (run: () => void) => Object.assign([], { run, unref: () => {} }))
  const end = saveMemory({
    memory: 128 * MIB,
    own: () => own,
    left: () => 128 * MIB - own,
    frugal: () => done.push('frugal'),
    ample: () => t.fail('called'),
    collect: () => done.push('collect'),
    compact: () => done.push('compact'),
    trim: () => {
      done.push('trim')
      own -= 5 * MIB
    },
  })
  const looked = clock()[0]!.args[0] as () => void
  const look = () => {
    looked()
    return done.splice(0)
  }
  t.same(done.splice(0), ['frugal'])
  t.same(look(), ['trim'])
  own += 3 * MIB
  t.same(look(), [], 'not worth it')
  own = 80 * MIB
  t.same(look(), ['collect', 'trim'])
  makeRoom(40 * MIB)
  dropRest()
  t.same(done, [], 'there is room')
  own = 100 * MIB
  t.same(look(), ['compact', 'trim'])
  for (let looks = 1; looks < LOOKS; looks++) {
    own = 100 * MIB
    t.same(look(), ['collect', 'trim'], 'not again at once')
  }
  own = 100 * MIB
  t.same(look(), ['compact', 'trim'])
  own = 100 * MIB
  makeRoom(32 * MIB)
  t.same(done.splice(0), ['collect', 'trim'], 'that is enough')
  own = 100 * MIB
  makeRoom(34 * MIB)
  t.same(done.splice(0), ['collect', 'trim', 'compact', 'trim'])
  own = 100 * MIB
  dropRest()
  t.same(done.splice(0), ['collect', 'trim'])
  end()
  makeRoom(128 * MIB)
  dropRest()
  t.same(done, [])
})

t.test('elsewhere nothing is done', async t => {
  const never = (): never => t.fail('called') as never
  let ample = 0
  const others = { own: never, left: never, frugal: never, collect: never, compact: never, trim: never }
  saveMemory({ memory: SMALL_BYTES, ...others, ample: () => ample++ })()
  makeRoom(SMALL_BYTES)
  dropRest()
  t.equal(ample, 1)
})

t.test('a heap of which little is left here and there is brought together', async t => {
  const all = Array.from({ length: 400_000 }, (_, index) => [index, index, index, index])
  const left = all.filter((_, index) => index % 16 === 0)
  all.length = 0
  const before = process.memoryUsage().heapTotal
  t.capture(process, 'constrainedMemory', () => Math.round(ownBytes() * 1.2))
  const end = saveMemory()
  makeRoom(SMALL_BYTES)
  end()
  t.equal(left.length, 25_000)
  t.ok(process.memoryUsage().heapTotal < before * 0.8, 'and what is free is given back')
})

t.test('passwords are looked at one by one on a small machine, each with room made before it', async t => {
  const said: string[] = []
  const cost = { N: 2, r: 1, p: 1 }
  const small = { make: () => said.push('room'), left: () => 128 * MIB }
  const keys = async (line: KeyLine): Promise<Buffer[]> => {
    const asked = ['one', 'two'].map(word =>
      line.derive(word, 'salt', 16, cost).then(key => {
        said.push(word)
        return key
      }),
    )
    return Promise.all(asked)
  }
  const derived = await keys(new KeyLine(small))
  t.same(said.splice(0), ['room', 'one', 'room', 'two'])
  const refused = new KeyLine(small)
  await t.rejects(refused.derive('one', 'salt', 16, { N: 3 }))
  t.same(await refused.derive('one', 'salt', 16, cost), derived[0], 'one that cannot be keeps no other waiting')
  said.length = 0
  t.same(await keys(new KeyLine()), derived)
  t.notOk(said.includes('room'))
})

t.test('a password that there is no memory for is refused in words', async t => {
  let left = 26 * MIB
  const line = new KeyLine({ make: bytes => (left += bytes === 28 * MIB ? MIB : 0), left: () => left })
  const cost = { N: 16384, r: 8, p: 1 }
  await t.rejects(line.derive('one', 'salt', 16, cost), {
    name: 'PlainError',
    message: /takes 16 MiB.*and 27 MiB are free/,
  })
  t.equal((await line.derive('one', 'salt', 16, cost)).length, 16, 'tried again')
})
