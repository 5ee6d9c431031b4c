import { type Command, Option } from 'commander'
import { CONFIGURATION_CHOICES } from '../services/backup.ts'
import type { BackupOptions } from './backup.ts'
import { helped } from './help.ts'
import type { RestoreOptions } from './restore.ts'
import type { World } from './world.ts'

/** `backup FILE` and `restore FILE`. */
export function addBackup(program: Command, world: World, withConfig: (command: Command) => Command): void {
  const backup = withConfig(program.command('backup'))
    .argument('<file>', 'a file that is not there yet')
    .description(
      'Writes everything of the box to one file, while it runs or not: what waits, histories, accounts, the configuration, administrators, certificates with their keys. It is locked by a passphrase that is asked for twice, in the format of `age`. How far it is is told on stderr.',
    )
    .summary('everything of the box in one locked file')
    .option('--passphrase-stdin', 'the passphrase is the first line of the input')
    .action(async (file: string, options: BackupOptions) =>
      (await import('./backup.ts')).makeBackup(world, file, options),
    )
  helped(backup, {
    example: 'backup /media/stick/box.backup.age',
    wrong: 'the file is there already or cannot be written, or the box does not answer',
  })
  const restore = withConfig(program.command('restore'))
    .argument('<file>', 'a backup of this or of another box')
    .description(
      'Puts a backup in the place of what is there. The box has to be stopped. The whole of the backup is checked first, what is in it is shown, and it asks. What was there before is kept beside it.',
    )
    .summary('put a backup in the place of what is there')
    .option('--passphrase-stdin', 'the passphrase is the first line of the input')
    .addOption(
      new Option(
        '--configuration <which>',
        'backup: that of the backup (the default); listeners: that, with the listening addresses of this box; here: that of this box, with its name and domain. data_dir stays in any case',
      ).choices(CONFIGURATION_CHOICES),
    )
    .option('--yes', 'do not ask')
    .action(async (file: string, options: RestoreOptions) =>
      (await import('./restore.ts')).restoreBackup(world, file, options),
    )
  helped(restore, {
    example: 'restore /media/stick/box.backup.age',
    wrong: 'the box is running, the passphrase is wrong, the file is damaged, or there is no room; nothing was changed',
  })
}
