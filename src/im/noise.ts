/** RFC 3994: that somebody is typing is of no use later. */
const TYPING = 'application/im-iscomposing+xml'

/** `mediaType` in lower case, without parameters. */
export const isNoise = (mediaType: string | undefined): boolean => mediaType === TYPING
