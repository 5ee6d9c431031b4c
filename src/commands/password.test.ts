import { closeSync, createReadStream, openSync } from 'node:fs'
import { Readable } from 'node:stream'
import t from 'tap'
import { SystemEntropy } from '../host/entropy.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { HostStore } from '../testing/host-store.ts'
import { choosePassword } from './password.ts'

const choose = (stdin: Readable) =>
  choosePassword(
    { makeEngine: async () => new EchoEngine(), openStore: async () => new HostStore(), stdin, out() {}, err() {} },
    new SystemEntropy(),
    true,
  )

const bytes = (...parts: (string | number[])[]) => Readable.from(parts.map(part => Buffer.from(part as string)))

t.test('a character that comes in two parts is one', async t => {
  t.same(await choose(bytes('s', [0xc3], [0xa9], 'cret\n', 'more')), { password: 'sécret', isGenerated: false })
})

t.test('bytes that are not UTF-8 are refused, as is an input that cannot be read', async t => {
  await t.rejects(choose(bytes([0x73, 0xe9, 0x0a])), /not UTF-8/)
  const folder = openSync(t.testdir({}), 'r')
  t.teardown(() => closeSync(folder))
  await t.rejects(
    choose(createReadStream('', { fd: folder, autoClose: false })),
    /^The password cannot be read from the input: it is a folder\. Name a file\.$/,
  )
})

t.test('no more than a line of sensible length is read', async t => {
  let parts = 0
  const endless = async function* () {
    for (;;) {
      parts++
      yield Buffer.alloc(100, 'x')
    }
  }
  await t.rejects(choose(Readable.from(endless())), /longer than 256 characters/)
  t.ok(parts < 100, `${parts} parts`)
})
