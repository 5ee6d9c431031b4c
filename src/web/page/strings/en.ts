import * as access from './access.en.ts'
import { config } from './config.en.ts'
import { shell } from './shell.en.ts'

export const en = { shell, ...access, config }
