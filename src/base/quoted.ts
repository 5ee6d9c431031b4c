/** Enough of a value to recognise it by. */
const CHARACTERS_SHOWN = 60

const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g

/** Text of outside for a terminal: no control character, and none that turns the direction of a line, reaches it. */
export const printable = (text: string): string =>
  text.replace(CONTROLS, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** In double quotes as TOML and JSON write it, long texts cut. */
export const quoted = (text: string): string => {
  const shown = text.length > CHARACTERS_SHOWN ? `${text.slice(0, CHARACTERS_SHOWN)}...` : text
  return printable(JSON.stringify(shown))
}
