import { join } from 'node:path'

const { RESTANTE_PROGRAM } = process.env

/** Whether tests that start the box as a process start it as it was built, not from source (`./scripts/test --binary FILE`). */
export const isBuilt = RESTANTE_PROGRAM !== undefined

type Line = readonly [program: string, ...first: string[]]

/** For what only the source can do. Flags as scripts/lib/env.sh has them; what was built has its own. */
export const FROM_SOURCE: Line = [
  process.execPath,
  '--max-semi-space-size=4',
  '--disable-sigusr1',
  join(import.meta.dirname, '..', 'main.ts'),
]

/** The program and its first arguments, to which the command line is added. */
export const RESTANTE: Line = RESTANTE_PROGRAM === undefined ? FROM_SOURCE : [RESTANTE_PROGRAM]
