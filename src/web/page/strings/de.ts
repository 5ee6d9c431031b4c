import * as access from './access.de.ts'
import { config } from './config.de.ts'
import { shell } from './shell.de.ts'
import type { Strings } from './strings.ts'

export const de: Strings = { shell, ...access, config }
