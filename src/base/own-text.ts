/** Latin1 text of its own: what was cut from a message keeps all of that message in memory. */
export const ownText = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
