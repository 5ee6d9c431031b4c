/** Whether something was asked of another version than there is; undefined: there is nothing. */
export const isOfAnother = (version: string | undefined, { ifVersion }: { readonly ifVersion?: string }): boolean =>
  ifVersion !== undefined && ifVersion !== version

/** Reply of `history.erase`. */
export const NOT_ERASED = { removed: 0, isDone: false, isChanged: true } as const
