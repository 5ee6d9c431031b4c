import t from 'tap'
import { engineLimits } from './engine-limits.ts'
import { leftBytes, memoryBytes, ownBytes, SMALL_BYTES, withinMemory } from './machine.ts'
import { KeyLine } from './password-key.ts'
import { makeRoom, saveMemory } from './thrift.ts'

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

t.test('a small machine gives back what grew, and searches the heap when little is left', async t => {
  const done: string[] = []
  let own = 40 * MIB
  const clock = t.capture(globalThis, 'setInterval', (run: () => void) => Object.assign([], { run, unref: () => {} }))
  const end = saveMemory({
    memory: 128 * MIB,
    own: () => own,
    frugal: () => done.push('frugal'),
    collect: () => done.push('collect'),
    trim: () => {
      done.push('trim')
      own -= MIB
    },
  })
  const look = clock()[0]!.args[0] as () => void
  t.same(done, ['frugal'])
  look()
  t.same(done.splice(0), ['frugal', 'trim'])
  own += 3 * MIB
  look()
  t.same(done, [], 'not worth it')
  own = 80 * MIB
  look()
  t.same(done.splice(0), ['collect', 'trim'])
  makeRoom()
  t.same(done, [], 'there is room')
  own = 100 * MIB
  makeRoom()
  t.same(done.splice(0), ['collect', 'trim'])
  end()
  makeRoom()
  t.same(done, [])
})

t.test('elsewhere nothing is done', async t => {
  const never = (): never => t.fail('called') as never
  saveMemory({ memory: SMALL_BYTES, own: never, frugal: never, collect: never, trim: never })()
})

t.test('passwords are looked at one by one on a small machine, each with room made before it', async t => {
  const said: string[] = []
  const cost = { N: 2, r: 1, p: 1 }
  const keys = async (line: KeyLine): Promise<Buffer[]> => {
    const asked = ['one', 'two'].map(word =>
      line.derive(word, 'salt', 16, cost).then(key => {
        said.push(word)
        return key
      }),
    )
    return Promise.all(asked)
  }
  const small = await keys(new KeyLine(true, () => said.push('room')))
  t.same(said.splice(0), ['room', 'one', 'room', 'two'])
  const refused = new KeyLine(true, () => {})
  await t.rejects(refused.derive('one', 'salt', 16, { N: 3 }))
  t.same(await refused.derive('one', 'salt', 16, cost), small[0], 'one that cannot be keeps no other waiting')
  t.same(await keys(new KeyLine(false, () => said.push('room'))), small)
  t.notOk(said.includes('room'))
})
