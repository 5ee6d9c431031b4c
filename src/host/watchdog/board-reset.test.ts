import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { keptItsPower } from './board-reset.ts'

t.test('the register of resets of a Raspberry Pi, as its firmware hands it on', async t => {
  const root = t.testdir({})
  t.equal(keptItsPower(root), false, 'another machine')
  const folder = join(root, 'proc/device-tree/chosen/bootloader')
  mkdirSync(folder, { recursive: true })
  for (const [bytes, expected] of [
    [[0, 0, 0x10, 0], false],
    [[0, 0, 0, 0x20], true],
    [[0, 0, 0x04, 0x21], true],
    [[0, 0, 0x10, 0x20], false],
    [[0, 0, 0, 0], false],
    [[0x20], false],
    [[], false],
  ] as const) {
    writeFileSync(join(folder, 'rsts'), Buffer.from(bytes))
    t.equal(keptItsPower(root), expected, bytes.join(' '))
  }
})
