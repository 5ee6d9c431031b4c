import { PASSPHRASE_LENGTH_MAX, PASSPHRASE_LENGTH_MIN } from '../host/age-file.ts'
import { PlainError } from '../host/plain-error.ts'
import { askHidden, firstLine } from './password.ts'
import type { World } from './world.ts'

/** From stdin where that was asked for, else typed on a terminal, where it is not shown. */
export async function choosePassphrase(world: World, isFromStdin: boolean, times: 'once' | 'twice'): Promise<string> {
  const passphrase = isFromStdin ? await firstLine(world) : await asked(world, times)
  if (times === 'once') return passphrase
  if (passphrase.length < PASSPHRASE_LENGTH_MIN || passphrase.length > PASSPHRASE_LENGTH_MAX)
    throw new PlainError(`A passphrase has ${PASSPHRASE_LENGTH_MIN} to ${PASSPHRASE_LENGTH_MAX} characters.`)
  return passphrase
}

async function asked(world: World, times: 'once' | 'twice'): Promise<string> {
  if (!world.stdin.isTTY)
    throw new PlainError(
      'Nobody can be asked here for the passphrase. Give it as the first line of the input, with --passphrase-stdin.',
    )
  const passphrase = await askHidden(world, 'Passphrase of the backup: ')
  if (times === 'twice' && (await askHidden(world, 'Again: ')) !== passphrase)
    throw new PlainError('The two passphrases differ. Nothing was done.')
  return passphrase
}
