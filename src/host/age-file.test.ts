import { randomBytes } from 'node:crypto'
import { Decrypter, Encrypter } from 'age-encryption'
import t from 'tap'
import { locked, unlocked } from './age-file.ts'

const PASSPHRASE = 'correct horse battery'

async function* parts(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

async function whole(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const part of source) all.push(part)
  return Buffer.concat(all)
}

/** Around the ends of chunks of 64 KiB. */
const LENGTHS = [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000]

t.test('what is locked here is opened by another implementation of the age format, and here', async t => {
  for (const length of LENGTHS) {
    const plain = randomBytes(length)
    const file = await whole(locked(parts(plain, 10_000), PASSPHRASE))
    const decrypter = new Decrypter()
    decrypter.addPassphrase(PASSPHRASE)
    t.same(Buffer.from(await decrypter.decrypt(new Uint8Array(file))), plain, `${length} octets, by the other`)
    t.same(await whole(unlocked(parts(file, 777), PASSPHRASE)), plain, `${length} octets, here`)
  }
})

t.test('what another implementation locked is opened here', async t => {
  for (const length of LENGTHS) {
    const plain = randomBytes(length)
    const encrypter = new Encrypter()
    encrypter.setPassphrase(PASSPHRASE)
    encrypter.setScryptWorkFactor(10)
    const file = Buffer.from(await encrypter.encrypt(new Uint8Array(plain)))
    t.same(await whole(unlocked(parts(file, 50_000), PASSPHRASE)), plain, `${length} octets`)
  }
})

t.test('another passphrase, a changed octet and a missing end are told', async t => {
  const file = await whole(locked(parts(randomBytes(150_000), 10_000), PASSPHRASE))
  await t.rejects(whole(unlocked(parts(file, 9999), 'correct horse batterie')), { message: /passphrase is wrong/ })
  for (const at of [0, 30, 60, 120, 160, 190, 66_000, file.length - 1]) {
    const changed = Buffer.from(file)
    changed[at]! ^= 1
    await t.rejects(whole(unlocked(parts(changed, 9999), PASSPHRASE)), { name: 'PlainError' }, `octet ${at}`)
  }
  for (const length of [0, 20, 100, 250, 65_536, 65_752, 131_304, file.length - 1])
    await t.rejects(
      whole(unlocked(parts(file.subarray(0, length), 9999), PASSPHRASE)),
      { name: 'PlainError' },
      `${length} octets of it`,
    )
})

t.test('work that would take all memory is not begun', async t => {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(PASSPHRASE)
  encrypter.setScryptWorkFactor(10)
  const file = Buffer.from(await encrypter.encrypt('text'))
    .toString('latin1')
    .replace(/ 10\n/, ' 30\n')
  await t.rejects(whole(unlocked(parts(Buffer.from(file, 'latin1'), 9999), PASSPHRASE)), { message: /more work/ })
})
