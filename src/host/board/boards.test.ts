import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Log, silentLog } from '../../base/log.ts'
import { embeddedFile, PROGRAM_ROOT } from '../../embedded.ts'
import { BOARD_NAMES, boardOf, describedBoard, findBoard } from './boards.ts'
import { readDescription } from './description.ts'

t.test('every folder of board/ is known by name, and its description holds', async t => {
  const folders = readdirSync(join(PROGRAM_ROOT, 'board'), { withFileTypes: true }).filter(each => each.isDirectory())
  t.same(folders.map(({ name }) => name).sort(), [...BOARD_NAMES].sort())
  for (const name of BOARD_NAMES) {
    const { console, boot, match } = describedBoard(name)
    t.ok(match.compatible.length + match.dmi.length > 0, `${name} can be found`)
    t.ok(boot.command_line.includes(`console=${console.tty},${console.baud} `), `${name}: the kernel speaks there`)
    t.match(boot.command_line, /\bpanic=\d+/, `${name}: a panic is no end`)
  }
})

t.test('no board is described twice', async t => {
  const names = BOARD_NAMES.flatMap(name => {
    const { compatible, dmi } = describedBoard(name).match
    return [...compatible, ...dmi]
  })
  t.equal(new Set(names).size, names.length)
})

t.test('found by the compatible string of the device tree', async t => {
  const root = machine(t, { 'proc/device-tree/compatible': 'friendlyarm,nanopi-r4s\0rockchip,rk3399\0' })
  t.match(findBoard({ root, log: silentLog }), { name: 'nanopi-r4s' })
})

t.test('found by what SMBIOS says where there is no device tree', async t => {
  const root = machine(t, {
    'sys/class/dmi/id/sys_vendor': 'QEMU\n',
    'sys/class/dmi/id/product_name': 'QEMU Virtual Machine\n',
  })
  t.match(findBoard({ root, log: silentLog }), { name: 'qemu-aarch64' })
})

t.test('a machine that nobody described: nothing is assumed', async t => {
  const parts = { 'proc/device-tree/compatible': 'rockchip,rk3399\0', 'sys/class/dmi/id/sys_vendor': 'QEMU\n' }
  t.equal(findBoard({ root: machine(t, parts), log: silentLog }), undefined)
  t.equal(findBoard({ root: machine(t, {}), log: silentLog }), undefined)
})

t.test('the description of the machine goes before those of the program', async t => {
  const root = machine(t, {
    'proc/device-tree/compatible': 'raspberrypi,4-model-b\0',
    'etc/restante/board.toml': embeddedFile('board/nanopi-r4s/board.toml').toString().replace('R4S"', 'R4S, ours"'),
  })
  t.match(boardOf(findBoard({ root, log: silentLog })!), {
    name: 'own',
    title: 'FriendlyElec NanoPi R4S, ours',
    console: { device: '/dev/ttyS2', baud: 115200 },
    watchdog: { device: '/dev/watchdog0', timeoutMaxS: 21 },
    keepsTime: false,
  })
})

t.test('a wrong description of the machine is told, and the box has no board by it', async t => {
  const wrong: Record<string, string | Buffer> = {
    'unknown key': 'titel = "x"',
    'no TOML': 'title = ',
    'too long': `# ${'x'.repeat(70_000)}`,
    'no text': Buffer.from([0, 255, 254]),
  }
  for (const [name, text] of Object.entries(wrong)) {
    const lines: string[] = []
    const log: Log = { ...silentLog, warn: (_, fields) => void lines.push(JSON.stringify(fields)) }
    const root = machine(t, { 'etc/restante/board.toml': text }, name.replace(' ', '-'))
    t.equal(findBoard({ root, log }), undefined, name)
    t.equal(lines.length, 1)
    t.match(lines[0], /board\.toml/)
  }
  const folder = machine(t, { 'etc/restante/board.toml/x': '' }, 'folder')
  t.equal(findBoard({ root: folder, log: silentLog }), undefined, 'a folder of that name')
})

const RIGHT = embeddedFile('board/nanopi-r4s/board.toml').toString()

t.test('everything wrong is said at once, with its key', async t => {
  const text = RIGHT.replace('title =', 'titel =').replace('timeout_max_s = 21', 'timeout_max_s = 0')
  const read = readDescription(text, 'board.toml')
  const { errors } = read as { errors: string[] }
  t.ok(errors.some(line => /^board\.toml:titel: unknown key \(did you mean title\?\)/.test(line)))
  t.ok(
    errors.some(line =>
      /^board\.toml:watchdog\.timeout_max_s: 0 is not valid, allowed: a whole number from 1/.test(line),
    ),
  )
})

t.test('what the schema cannot say is looked at too', async t => {
  const wrong: [change: [string, string], told: RegExp][] = [
    [[', on_ms = 500', ''], /leds\.boot\[0\]: a timer without its times/],
    [[', pattern = "1 150 1 0 0 150 0 0 1 150 1 0 0 1050 0 0"', ''], /leds\.degraded\[1\]: no pattern/],
    [['"rootfs_b"', '"rootfs_a"'], /flash\.partitions: two have the same label/],
    [['reset_s = 10', 'reset_s = 3'], /button\.reset_s: not longer/],
    [['led = "red:sys"', 'led = "../../x"'], /leds\.boot\[0\]\.led: .* is not valid/],
  ]
  for (const [[from, to], told] of wrong) {
    const read = readDescription(RIGHT.replace(from, to), 'board.toml')
    t.match((read as { errors: string[] }).errors?.[0], told)
  }
  const nowhere = RIGHT.replace('mount = "/" ', 'mount = "/x" ').replace(
    /mount = "\/var\/lib\/restante"/,
    'mount = "/var/lib/rest"',
  )
  t.match(readDescription(nowhere, 'b'), { errors: [/^b:flash\.data_dir: lies on no partition/] })
})

t.test('every prefix of a description is refused in plain words or holds, and never throws', async t => {
  const odd: number[] = []
  for (let length = 0; length < RIGHT.length; length++) {
    const read = readDescription(RIGHT.slice(0, length), 'b')
    if (!('board' in read) && !read.errors.every(line => line.startsWith('b:'))) odd.push(length)
  }
  t.same(odd, [])
})

/** A machine's files. */
function machine(t: Test, files: Record<string, string | Buffer>, name = 'root'): string {
  const root = join(t.testdirName, name)
  for (const [path, content] of Object.entries({ '.there': '', ...files })) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  t.teardown(() => t.testdir({}))
  return root
}
