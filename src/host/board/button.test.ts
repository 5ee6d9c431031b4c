import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PROGRAM_ROOT } from '../../embedded.ts'
import { describedBoard } from './boards.ts'

const SCRIPT = join(PROGRAM_ROOT, 'systemd', 'restante-button')
const EV_SYN = 0
const EV_KEY = 1
const KEY_RESTART = 408

interface Press {
  readonly key?: number
  readonly heldMs: number
  /** As the clock of the machine counts it, where the time of day is set meanwhile or the script comes late. */
  readonly steadyMs?: number
}

/** As the kernel writes them: struct input_event of 64-bit machines. */
const event = (ms: number, type: number, code: number, value: number): Buffer => {
  const bytes = Buffer.alloc(24)
  bytes.writeBigUInt64LE(BigInt(Math.floor(ms / 1000)), 0)
  bytes.writeBigUInt64LE(BigInt((ms % 1000) * 1000), 8)
  bytes.writeUInt16LE(type, 16)
  bytes.writeUInt16LE(code, 18)
  bytes.writeInt32LE(value, 20)
  return bytes
}

const START_MS = 1_790_000_000_000

/** What the button left behind, when the device has ended. */
async function pressed(t: Test, presses: readonly Press[], prepare: (dir: string) => void = () => {}) {
  const dir = t.testdir({ run: {}, data: {}, bin: {} })
  // Who restarts the service is the system's; here it is noted that it was asked.
  writeFileSync(join(dir, 'bin', 'systemctl'), `#!/bin/sh\necho "$*" >>'${dir}/asked'\n`, { mode: 0o755 })
  const uptimes = presses.flatMap(({ key = KEY_RESTART, heldMs, steadyMs = heldMs }, index) =>
    key === KEY_RESTART ? [index * 60_000, index * 60_000 + steadyMs] : [],
  )
  writeFileSync(join(dir, 'uptimes'), uptimes.map(ms => `${((1_508_080 + ms) / 1000).toFixed(2)}\n`).join(''))
  writeFileSync(join(dir, 'bin', 'cut'), `#!/bin/sh\nsed -n 1p '${dir}/uptimes'; sed -i 1d '${dir}/uptimes'\n`, {
    mode: 0o755,
  })
  prepare(dir)
  const events = presses.flatMap(({ key = KEY_RESTART, heldMs }, index) => {
    const at = START_MS + index * 60_000
    const repeat = event(at + Math.floor(heldMs / 2), EV_KEY, key, 2)
    return [event(at, EV_KEY, key, 1), event(at, EV_SYN, 0, 0), repeat, event(at + heldMs, EV_KEY, key, 0)]
  })
  writeFileSync(join(dir, 'events'), Buffer.concat(events))
  const { code, presence_s, reset_s } = describedBoard('nanopi-r4s').button!
  const places = [join(dir, 'run'), join(dir, 'data')]
  const child = spawn(SCRIPT, [join(dir, 'events'), ...[code, presence_s, reset_s].map(String), ...places], {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${join(dir, 'bin')}:${process.env.PATH}` },
  })
  const [status] = await once(child, 'exit')
  const [presence, mark, asked] = ['run/presence', 'data/factory-reset', 'asked'].map(name => join(dir, name)) as [
    string,
    string,
    string,
  ]
  return {
    status,
    isPresent: existsSync(presence) && lstatSync(presence).isFile(),
    reset: existsSync(mark) ? readFileSync(mark, 'latin1') : undefined,
    asked: existsSync(asked) ? readFileSync(asked, 'latin1') : '',
    dir,
  }
}

t.test('held for three seconds: somebody stands before the box', async t => {
  t.match(await pressed(t, [{ heldMs: 3100 }]), { status: 0, isPresent: true, reset: undefined, asked: '' })
})

t.test('held for ten seconds: the configuration is reset at the next start, which is asked for', async t => {
  t.match(await pressed(t, [{ heldMs: 10_000 }]), {
    status: 0,
    isPresent: false,
    reset: 'config\n',
    asked: '--no-block restart restante.service\n',
  })
})

t.test('touched, or another key: nothing', async t => {
  const short = [{ heldMs: 100 }, { heldMs: 2990 }, { key: 116, heldMs: 20_000 }]
  t.match(await pressed(t, short), { status: 0, isPresent: false, reset: undefined, asked: '' })
})

t.test('a clock that is set while the key is held, or a script that comes late, resets nothing', async t => {
  const years = 50 * 365 * 86_400_000
  const presses = [
    { heldMs: years, steadyMs: 500 },
    { heldMs: -years, steadyMs: 60_000 },
    { heldMs: 500, steadyMs: 60_000 },
  ]
  t.match(await pressed(t, presses), { status: 0, isPresent: false, reset: undefined, asked: '' })
  t.match(await pressed(t, [{ heldMs: years, steadyMs: 3100 }]), { isPresent: true, reset: undefined, asked: '' })
})

t.test('a link that the service left in its folder leads nowhere', async t => {
  const found = await pressed(t, [{ heldMs: 4000 }], dir => {
    writeFileSync(join(dir, 'other'), 'kept')
    symlinkSync(join(dir, 'other'), join(dir, 'run', 'presence'))
  })
  t.match(found, { status: 0, isPresent: true })
  t.equal(readFileSync(join(found.dir, 'other'), 'latin1'), 'kept')
})

t.test('the unit names what the description of its board says', async t => {
  const unit = readFileSync(join(PROGRAM_ROOT, 'systemd', 'restante-button.service'), 'latin1')
  const { device, code, presence_s, reset_s } = describedBoard('nanopi-r4s').button!
  t.ok(unit.includes(`/button ${device} ${code} ${presence_s} ${reset_s}\n`))
  t.ok(unit.includes(`ConditionPathExists=${device}\n`))
})
