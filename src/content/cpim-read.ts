import { isUtf8 } from 'node:buffer'

/** Far more than any client writes before the content; what lies beyond is not looked for. */
export const CPIM_HEAD_BYTES_MAX = 8192
const LINES_MAX = 128

/** RFC 3862 3: names without a prefix, until another default is declared. */
const CORE = 'urn:ietf:params:cpim-headers:'

/** What stands before the content of message/cpim. Text is latin1: one character is one byte of UTF-8. */
export interface CpimHead {
  /** Of the content: lower case, without parameters. */
  readonly mediaType: string | undefined
  /** Values of the message header of that name, in order; names are case-sensitive. */
  core(name: string): string[]
  of(namespace: string, name: string): string[]
}

interface Header {
  readonly namespace: string
  readonly name: string
  readonly value: string
}

/** Undefined where the bytes do not begin as message/cpim does, or go on with headers for longer than is looked at. */
export function readCpim(bytes: Buffer): CpimHead | undefined {
  const head = bytes.subarray(0, CPIM_HEAD_BYTES_MAX)
  const lines = head.toString('latin1').split(/\r?\n/, LINES_MAX)
  const first = lines.indexOf('')
  const second = lines.indexOf('', first + 1)
  if (first <= 0 || second < 0) return undefined
  const headers = messageHeaders(lines.slice(0, first))
  if (!headers) return undefined
  const of = (namespace: string, name: string): string[] =>
    headers.filter(one => one.namespace === namespace && one.name === name).map(({ value }) => value)
  return { mediaType: mediaTypeIn(lines.slice(first + 1, second)), core: name => of(CORE, name), of }
}

/** RFC 3862 2.3, 3.4: each in the namespace that its prefix, or having none, means from the latest NS on. */
function messageHeaders(lines: readonly string[]): Header[] | undefined {
  const namespaces = new Map([['', CORE]])
  const headers: Header[] = []
  for (const line of lines) {
    const [, prefix = '', name, value = ''] =
      /^(?:([A-Za-z0-9_-]+)\.)?([^\s:;.]+):(?:;\S*)?[ \t]*(.*)$/.exec(line) ?? []
    if (name === undefined || !isPlain(value)) return undefined
    const namespace = namespaces.get(prefix)
    if (prefix === '' && name === 'NS') declare(namespaces, value)
    else if (namespace !== undefined) headers.push({ namespace, name, value: value.trimEnd() })
  }
  return headers
}

function declare(namespaces: Map<string, string>, value: string): void {
  const [, prefix = '', uri] = /^(?:([A-Za-z0-9_-]+)[ \t]*)?<([^<>]*)>/.exec(value) ?? []
  if (uri !== undefined) namespaces.set(prefix, uri)
}

/** It may be written into other messages: no controls, and nothing that is no UTF-8. */
const isPlain = (value: string): boolean =>
  !/[\0-\x08\x0a-\x1f\x7f]|\xef\xbf[\xbe\xbf]/.test(value) && isUtf8(Buffer.from(value, 'latin1'))

/** RFC 2045 names are of any case. */
function mediaTypeIn(lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const type = /^content-type[ \t]*:([^;]*)/i.exec(line)?.[1]
    if (type !== undefined) return type.trim().toLowerCase()
  }
  return undefined
}
