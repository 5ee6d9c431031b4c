/** Boots a Debian with the package in it as a virtual machine and tries what only a machine can show; started by scripts/try-machine, which says how. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { base } from './disks.ts'
import { type Arch, isRunByKvm } from './machine.ts'
import { clock } from './parts/clock.ts'
import { disk } from './parts/disk.ts'
import { firstRun } from './parts/first-run.ts'
import { install, upgrade } from './parts/install.ts'
import { lampAndButton } from './parts/lamp-and-button.ts'
import { limits } from './parts/limits.ts'
import { powerCuts } from './parts/power-cuts.ts'
import { restarts } from './parts/restarts.ts'
import { serialLine } from './parts/serial-line.ts'
import { watchdog } from './parts/watchdog.ts'
import { Trial } from './trial.ts'

/** In this order; each leaves a box that serves. */
const PARTS: Readonly<Record<string, (trial: Trial) => Promise<void>>> = {
  'power-cuts': powerCuts,
  watchdog,
  'serial-line': serialLine,
  disk,
  limits,
  'lamp-and-button': lampAndButton,
  clock,
  restarts,
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const [arch = 'x64', deb = '', cache = '', work = '/var/tmp', only = '', keep = ''] = process.argv.slice(2)
const wanted = only === '' ? Object.keys(PARTS) : only.split(',')
console.log(`install, first-run, ${Object.keys(PARTS).join(', ')}`)
const folder = keep === '' ? mkdtempSync(join(work, 'restante-try-machine-')) : keep
mkdirSync(folder, { recursive: true })
const baseFolder = base(arch as Arch, cache)
const isEmulated = !(await isRunByKvm(arch as Arch, baseFolder))
console.log(isEmulated ? 'emulated: all of it takes an hour or more' : 'run by KVM')
const place = { arch: arch as Arch, isEmulated, folder }
const kept = await Trial.kept(place, baseFolder, deb)
const trial = kept ?? (await Trial.make(place, baseFolder, deb))
if (kept) await part('upgrade', upgrade)
else {
  await part('install', install)
  if (trial.wrong.length === 0) await part('first-run', firstRun)
}
for (const name of trial.wrong.length === 0 ? wanted : []) await part(name, PARTS[name])
await trial.cut()
if (keep === '') rmSync(folder, { recursive: true, force: true })
console.log(`${trial.passed} passed, ${trial.wrong.length} failed`)
process.exit(trial.wrong.length === 0 ? 0 : 1)

async function part(name: string, tries: ((trial: Trial) => Promise<void>) | undefined): Promise<void> {
  const began = performance.now()
  const before = trial.wrong.length
  try {
    if (!tries) throw new Error('there is no such part')
    await tries(trial)
  } catch (error) {
    trial.check(`${name}: all of it was tried`, false, error instanceof Error ? error.stack : String(error))
  }
  if (trial.wrong.length > before) await said()
  console.log(`    ${name}: ${Math.round((performance.now() - began) / 1000)} s`)
}

/** What the box and the system said, where something was wrong. */
async function said(): Promise<void> {
  try {
    const { out } = await trial.machine.run(
      'journalctl --no-pager -o cat -u restante -n 40; journalctl --no-pager -k -n 10; systemctl --failed --no-pager',
    )
    console.log(out)
  } catch {
    console.log('        the machine says nothing')
  }
}
