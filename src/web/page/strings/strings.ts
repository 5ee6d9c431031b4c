import type { en } from './en.ts'

/** Every text of the page. A catalogue that lacks one does not compile. */
export type Strings = typeof en
