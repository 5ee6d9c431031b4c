import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { boundaryOf, MultipartSyntaxError, parseMultipart } from './multipart.ts'

/** Content as a mail program shows it: what stands inside of message/cpim and multipart, each piece with its own type. */

export interface ReadablePart {
  /** Of a single piece of content, safe in a header; never a composite type. */
  readonly contentType: string
  readonly body: Buffer
}

/** A message in a multipart in a multipart; deeper is shown as octets. */
const DEPTH_MAX = 3
const CPIM_HEAD_BYTES_MAX = 8192
const TYPE_LENGTH_MAX = 256

export const OCTETS = 'application/octet-stream'

const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]+"
const TYPE = new RegExp(
  `^${TOKEN}/${TOKEN}(?:[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|"[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"))*[ \\t]*$`,
)

/** The type as it may stand in a mail with any encoding (RFC 2045 6.4): composite and malformed ones are octets. Text is latin1. */
export function leafType(contentType: string | undefined): string {
  const type = contentType?.trim() ?? 'text/plain'
  const isLeaf = type.length <= TYPE_LENGTH_MAX && TYPE.test(type) && !/^(?:multipart|message)\//i.test(type)
  return isLeaf ? type : OCTETS
}

/** Nothing is lost: what cannot be taken apart is given as octets. */
export function readableParts(contentType: string | undefined, body: Buffer, depth = 1): ReadablePart[] {
  const inner = depth < DEPTH_MAX ? insideOf(contentType ?? '', body) : undefined
  if (!inner) return [{ contentType: leafType(contentType), body }]
  return inner.flatMap(([type, bytes]) => readableParts(type, bytes, depth + 1))
}

type Inside = readonly (readonly [contentType: string | undefined, body: Buffer])[]

function insideOf(contentType: string, body: Buffer): Inside | undefined {
  if (/^message\/cpim\s*(?:;|$)/i.test(contentType)) return contentOfCpim(body)
  try {
    const boundary = boundaryOf(contentType)
    if (boundary === undefined) return undefined
    const parts = parseMultipart(body, boundary)
    return parts.length === 0 ? undefined : parts.map(part => [typeOf(part.headers), part.body])
  } catch (error) {
    if (error instanceof MultipartSyntaxError || error instanceof SipSyntaxError) return undefined
    throw error
  }
}

/** RFC 3862 2: message headers, an empty line, headers of the content, an empty line. */
function contentOfCpim(bytes: Buffer): Inside | undefined {
  const head = bytes.toString('latin1', 0, CPIM_HEAD_BYTES_MAX)
  const found = /^.*?\r?\n\r?\n(.*?)\r?\n\r?\n/s.exec(head)
  if (!found) return undefined
  const headers = found[1]!.split(/\r?\n(?![ \t])/).flatMap((line): [string, string][] => {
    const colon = line.indexOf(':')
    return colon < 1 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]]
  })
  return [[typeOf(headers), bytes.subarray(found[0].length)]]
}

/** What is encoded once more is given as the octets that it is. */
function typeOf(headers: readonly (readonly [name: string, value: string])[]): string | undefined {
  const field = (wanted: string): string | undefined => headers.find(([name]) => name === wanted)?.[1]
  const isEncoded = !/^(?:7bit|8bit|binary)$/i.test(field('content-transfer-encoding') ?? 'binary')
  return isEncoded ? OCTETS : field('content-type')
}
