/** What went wrong in words for the administrator: what, where, and what to do. Shown without a stack; exit code 1. */
export class PlainError extends Error {
  override readonly name = 'PlainError'
}

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? ''

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const REASONS: Record<string, string> = {
  EACCES: 'this user has no permission',
  EPERM: 'this user has no permission',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'there is a file of that name',
  EISDIR: 'it is a folder',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
}

/** What the system refused, in words; its own text where there are none. */
export const reasonOf = (error: unknown): string => REASONS[codeOf(error)] ?? messageOf(error)
