import { setFlagsFromString } from 'node:v8'
import { Script } from 'node:vm'
import { embeddedFile, foundEmbedded } from '../embedded.ts'
import { native } from './native.ts'

/**
 * Where the one file begins. The program's text stays where it is mapped, in the file: in V8's heap it would be a tenth of all memory that
 * the program takes. Without the addon it is copied there.
 */

declare const require: NodeJS.Require
declare const module: NodeJS.Module

/** As the build names it, and with it stacks in a log; beside it its compiled code, which the build leaves out where it cannot make it. */
const PROGRAM = 'restante.cjs'

type Main = (wanted: NodeJS.Require, own: NodeJS.Module, exported: unknown, file: string, folder: string) => void

const text = embeddedFile(PROGRAM)
const calls = native()
const script = new Script('missing' in calls ? text.toString('latin1') : calls.textInPlace(text), {
  filename: PROGRAM,
  cachedData: foundEmbedded(`${PROGRAM}.compiled`),
})
// Commands end before more room for what is new would help them; the box asks for it where there is memory (memory/thrift.ts). Not earlier: compiled code is taken under the flags alone that it was made with.
setFlagsFromString('--semi-space-growth-factor=1')
;(script.runInThisContext() as Main)(require, module, module.exports, __filename, __dirname)
