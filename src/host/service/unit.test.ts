import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PROGRAM_ROOT } from '../../embedded.ts'

const UNITS = ['restante.service', 'restante-console@.service']

function pathsOf(unit: string, key: string): string[] {
  const lines = unit.split('\n').filter(line => line.startsWith(`${key}=`))
  return lines.flatMap(line => line.slice(key.length + 1).split(' ')).map(path => path.replace(/^-/, ''))
}

t.test('what the service can write to, it cannot run', async t => {
  for (const name of UNITS) {
    const unit = readFileSync(join(PROGRAM_ROOT, 'systemd', name), 'utf8')
    const closed = pathsOf(unit, 'NoExecPaths')
    const written = pathsOf(unit, 'ReadWritePaths')
    t.ok(written.length > 0)
    for (const path of written)
      t.ok(
        closed.some(folder => path === folder || path.startsWith(`${folder}/`)),
        `${name}: ${path}`,
      )
  }
})

t.test('a device that only root may open is handed to the service before it starts', async t => {
  for (const [name, device] of [
    ['hardware-watchdog.conf', '/dev/watchdog*'],
    ['set-clock.conf', '/dev/rtc0'],
  ] as const) {
    const text = readFileSync(join(PROGRAM_ROOT, 'systemd/drop-ins', name), 'utf8')
    t.ok(text.includes(`\nExecStartPre=-+/bin/sh -c 'chgrp restante ${device}; chmod 0660 ${device}'\n`), name)
  }
})
