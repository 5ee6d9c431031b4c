/** What went wrong in words for the administrator: what, where, and what to do. Shown without a stack; exit code 1. */
export class PlainError extends Error {
  override readonly name = 'PlainError'
}

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? ''

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
