import type { StoreFailure } from '../store/verbs.ts'

/** What went wrong in words for the administrator: what, where, and what to do. Shown without a stack; exit code 1. */
export class PlainError extends Error {
  override readonly name = 'PlainError'
}

/** Of the store or its medium: who starts anew at once finds the same. */
export class StoreTrouble extends PlainError {}

/** What lies in the store is wrong: no medium that works again mends that. */
export class StoreDamaged extends StoreTrouble {}

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? ''

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const NO_PERMISSION = ['this user has no permission', 'Run this as a user who has, or change the permissions'] as const
const NO_SPACE = 'Free some space on its file system'
const TOO_MANY = ['too many files are open', 'Raise the limit of open files (ulimit -n)'] as const
const NO_DEVICE = ['there is no device behind it', 'Check the path'] as const

/** What the system says, and what to do. */
const TROUBLES: Record<string, readonly [reason: string, remedy: string]> = {
  EACCES: NO_PERMISSION,
  EPERM: NO_PERMISSION,
  ENOENT: ['there is no such file or folder', 'Check the path'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'Check the path'],
  EEXIST: ['there is a file of that name', 'Remove it, or choose another name'],
  EISDIR: ['it is a folder', 'Name a file'],
  EROFS: ['the file system is read-only', 'Make it writable, or choose another place'],
  ENOSPC: ['no space is left', NO_SPACE],
  EDQUOT: ['the disk quota of this user is used up', NO_SPACE],
  EFBIG: ['the file would be larger than this system allows', 'Raise the limit of file sizes (ulimit -f)'],
  ELOOP: ['its symbolic links lead in a circle', 'Correct the links'],
  ENAMETOOLONG: ['the name is too long', 'Choose a shorter one'],
  EBUSY: ['something else is using it', 'Try again when that is done'],
  EIO: ['the medium failed', 'Look into the kernel’s messages (dmesg); the medium may have to be replaced'],
  EMFILE: TOO_MANY,
  ENFILE: TOO_MANY,
  ENODEV: NO_DEVICE,
  ENXIO: NO_DEVICE,
  ENOMEM: ['no memory is left', 'Stop what uses much of it'],
}

/** `EXYZ: text, read 'path'`: the text, where there are no words of ours. */
const systemText = (message: string): string =>
  /^(?:\w+ )?E[A-Z0-9]+: (.+?)(?:, \w+(?: '.*)?)?$/.exec(message)?.[1] ?? message

/** What the system refused, in words; its own text where there are none. */
export const reasonOf = (error: unknown): string => TROUBLES[codeOf(error)]?.[0] ?? systemText(messageOf(error))

/** The reason and what to do, as sentences. */
export function troubleOf(error: unknown): string {
  const remedy = TROUBLES[codeOf(error)]?.[1]
  return `${reasonOf(error).replace(/\.$/, '')}.${remedy ? ` ${remedy}.` : ''}`
}

/** What a call of the system refused and nobody expected: its path and the reason. Undefined for anything else. */
export function refusedBySystem(error: unknown): PlainError | undefined {
  const { syscall, path, address } = Object(error) as { syscall?: string; path?: string; address?: string }
  if (syscall === undefined || codeOf(error) === '') return undefined
  const where = path ?? address
  return new PlainError(`${where === undefined ? 'The system refused' : where}: ${troubleOf(error)}`)
}

const STORE_TROUBLES: Record<StoreFailure['failure'], readonly [reason: string, remedy: string]> = {
  full: ['there is no space left', `${NO_SPACE}, and try again`],
  io: ['its medium failed', TROUBLES.EIO![1]],
  closed: ['it is being closed', 'Try again in a moment'],
  busy: ['it has more to do than it can take', 'Try again in a moment'],
}

/** Why the store in this folder did not do what it was asked. */
export function storeError(dataDir: string, { failure, detail }: StoreFailure): StoreTrouble {
  const [reason, remedy] = STORE_TROUBLES[failure]
  const more = failure === 'io' ? ` (${systemText(detail)})` : ''
  return new StoreTrouble(`${dataDir}: the store cannot be used: ${reason}${more}. ${remedy}.`)
}

const OF_THE_MEDIUM: ReadonlySet<string> = new Set(['EIO', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENXIO', 'ENODEV', 'EUCLEAN'])

/** Whether it comes of the store or its medium, so that the program itself can do nothing about it. */
export const isOfStore = (error: unknown): boolean =>
  error instanceof StoreTrouble || OF_THE_MEDIUM.has(codeOf(error)) || OF_THE_MEDIUM.has(codeOf(Object(error).cause))
