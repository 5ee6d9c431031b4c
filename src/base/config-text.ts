import { isUtf8 } from 'node:buffer'

type Decoded = { readonly text: string } | { readonly errors: readonly string[] }

/** The file's bytes as text, without a byte order mark; or where they are not UTF-8. */
export function decodeConfig(bytes: Uint8Array, fileName: string): Decoded {
  if (isUtf16(bytes)) return { errors: [`${fileName}:1: the text is UTF-16, allowed: a file saved as UTF-8`] }
  if (isUtf8(bytes)) return { text: new TextDecoder().decode(bytes) }
  const at = firstWrongByte(bytes)
  const line = bytes.subarray(0, at).reduce((lines, byte) => (byte === LINE_FEED ? lines + 1 : lines), 1)
  const wrong = `byte 0x${bytes[at]!.toString(16)}, the ${at + 1}. of the file, is not UTF-8`
  return { errors: [`${fileName}:${line}: ${wrong}, allowed: a file saved as UTF-8`] }
}

const LINE_FEED = 0x0a

/** RFC 3629 6: by its byte order mark, as some editors save it. */
const isUtf16 = ([first, second]: Uint8Array): boolean =>
  (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)

/** RFC 3629 4: a character's length stands in its first byte. */
function firstWrongByte(bytes: Uint8Array): number {
  let at = 0
  while (at < bytes.length) {
    const lead = bytes[at]!
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    if (length > 1 && !isUtf8(bytes.subarray(at, at + length))) break
    at += length
  }
  return at
}
