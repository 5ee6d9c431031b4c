import type { Role, Who } from '../services/access.ts'
import type { Command, Shell } from './command.ts'
import { administratorCommands } from './commands/administrators.ts'
import { backupCommands } from './commands/backup.ts'
import { candidateCommands, configurationCommands } from './commands/configuration.ts'
import { captureCommands, testCommands } from './commands/diagnosis.ts'
import { generalCommands } from './commands/general.ts'
import { jobCommands } from './commands/jobs.ts'
import { logCommands } from './commands/log.ts'
import { machineCommands } from './commands/machine.ts'
import { messageCommands } from './commands/messages.ts'
import { showBoxCommands } from './commands/show-box.ts'
import { userCommands } from './commands/users.ts'
import type { ConsoleBox } from './services.ts'

/** Every command there is; help, completion, parsing and the manual are made of this. */
export const CATALOGUE: readonly Command[] = [
  ...generalCommands,
  ...showBoxCommands,
  ...messageCommands,
  ...logCommands,
  ...configurationCommands,
  ...userCommands,
  ...administratorCommands,
  ...jobCommands,
  ...testCommands,
  ...captureCommands,
  ...backupCommands,
  ...machineCommands,
  ...candidateCommands,
]

/** Both while a configuration is put together and otherwise. */
const EVERYWHERE: ReadonlySet<string> = new Set(['help', 'exit', 'logout', 'quit'])

const RANKS: readonly Role[] = ['viewer', 'operator', 'admin']

/** Of the mode; whatever its tier, and whoever it is for. */
export const allCommands = ({ isConfiguring }: Shell): readonly Command[] =>
  CATALOGUE.filter(({ tier, words }) => EVERYWHERE.has(words[0]!) || (tier === 'configure') === isConfiguring)

export const isForRole = ({ tier, role }: Command, { role: own }: Who): boolean =>
  tier === 'user' ? RANKS.indexOf(own) >= RANKS.indexOf(role) : own === 'admin'

/** What somebody may type now. */
export const commandsFor = (shell: Shell, who: Who, box: ConsoleBox): readonly Command[] =>
  allCommands(shell).filter(
    command =>
      (command.tier !== 'enabled' || shell.isEnabled) &&
      isForRole(command, who) &&
      (command.isReduced || !('reduced' in box)),
  )
