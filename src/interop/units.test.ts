import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { isPassedOver } from './program.ts'

/** What systemd itself says of the units; nothing is started. */

const ROOT = join(import.meta.dirname, '../..')
const UNITS = join(ROOT, 'systemd')
const ANALYZE = 'systemd-analyze'
const EXPOSURE_MAX = 2.0
const PROGRAMS = /\/usr\/bin\/restante|\/usr\/lib\/restante\/\w+/g

/** As on a machine that has the program and a line of that name. */
function laidOut(dropIn?: string): { folder: string; units: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'restante-units-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const names = readdirSync(UNITS).filter(name => /^restante.*\.(service|timer|path)$/.test(name))
  const units = names.map(name => {
    const file = join(folder, name.replace('@.', '@ttyS0.'))
    writeFileSync(file, readFileSync(join(UNITS, name), 'utf8').replaceAll(PROGRAMS, '/bin/true'))
    return file
  })
  if (dropIn) {
    mkdirSync(join(folder, 'restante.service.d'))
    writeFileSync(join(folder, 'restante.service.d', dropIn), readFileSync(join(UNITS, 'drop-ins', dropIn)))
  }
  return { folder, units }
}

const verified = (units: readonly string[]): string => {
  const { stdout, stderr } = spawnSync(ANALYZE, ['verify', '--man=no', '--recursive-errors=no', ...units], {
    encoding: 'utf8',
  })
  return `${stdout}${stderr}`
}

t.test('systemd finds nothing wrong with the units, nor with any of the drop-ins', async t => {
  if (isPassedOver(t, ANALYZE)) return
  t.equal(verified(laidOut().units), '')
  for (const name of readdirSync(join(UNITS, 'drop-ins'))) {
    const { folder } = laidOut(name)
    t.equal(verified([join(folder, 'restante.service')]), '', name)
  }
})

t.test('the drop-in of the hardware watchdog hands over the device that each board names', async t => {
  const dropIn = readFileSync(join(UNITS, 'drop-ins', 'hardware-watchdog.conf'), 'utf8')
  const handed = /chgrp restante (\S+?)\*;/.exec(dropIn)?.[1]
  t.ok(handed)
  for (const board of readdirSync(join(ROOT, 'board'))) {
    const text = readFileSync(join(ROOT, 'board', board, 'board.toml'), 'utf8')
    const device = /^\[watchdog\]\ndevice = "(.+)"$/m.exec(text)?.[1]
    t.ok(device?.startsWith(handed!), `${board}: ${device}`)
  }
})

t.test('it would find what is wrong', async t => {
  if (isPassedOver(t, ANALYZE)) return
  const { folder } = laidOut()
  const file = join(folder, 'restante.service')
  writeFileSync(file, readFileSync(file, 'utf8').replace('WatchdogSec=', 'WatchdogSecs='))
  t.match(verified([file]), /WatchdogSecs/)
})

t.test('what the service and the console are exposed to, by systemd-analyze security', async t => {
  if (isPassedOver(t, ANALYZE)) return
  const { folder } = laidOut()
  for (const name of ['restante.service', 'restante-console@ttyS0.service']) {
    const args = ['security', '--no-pager', '--offline=true', join(folder, name)]
    const told = execFileSync(ANALYZE, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const level = Number(/exposure level for .*: ([\d.]+)/.exec(told)?.[1])
    t.ok(level <= EXPOSURE_MAX, `${name}: ${level}, at most ${EXPOSURE_MAX}`)
  }
})
