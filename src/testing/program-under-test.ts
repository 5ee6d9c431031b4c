import { join } from 'node:path'

const { RESTANTE_PROGRAM } = process.env

/** Whether tests that start the box as a process start it as it was built, not from source (`./scripts/test --binary FILE`). */
export const isBuilt = RESTANTE_PROGRAM !== undefined

/** The program and its first arguments, to which the command line is added. Flags as scripts/lib/env.sh has them; what was built has its own. */
export const RESTANTE: readonly [string, ...string[]] =
  RESTANTE_PROGRAM === undefined
    ? [process.execPath, '--max-semi-space-size=4', join(import.meta.dirname, '..', 'main.ts')]
    : [RESTANTE_PROGRAM]
