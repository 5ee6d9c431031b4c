import type { XcapCondition } from './xcap-edit.ts'
import { xmlText } from './xml-write.ts'

/** The documents that XCAP itself has: what the server knows, what a user has, and what went wrong. */

export const XCAP_CAPS = { type: 'application/xcap-caps+xml', namespace: 'urn:ietf:params:xml:ns:xcap-caps' } as const
export const XCAP_ERROR_TYPE = 'application/xcap-error+xml'
export const XCAP_DIRECTORY = {
  type: 'application/vnd.oma.xcap-directory+xml',
  namespace: 'urn:oma:xml:xdm:xcap-directory',
} as const

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

/** RFC 4825 12. */
export function capabilities(auids: readonly string[], namespaces: readonly string[]): string {
  const list = (name: string, all: readonly string[]): string =>
    all.map(one => `    <${name}>${xmlText(one)}</${name}>\n`).join('')
  return [
    `${DECLARATION}<xcap-caps xmlns="${XCAP_CAPS.namespace}">\n`,
    `  <auids>\n${list('auid', auids)}  </auids>\n  <extensions/>\n`,
    `  <namespaces>\n${list('namespace', namespaces)}  </namespaces>\n</xcap-caps>\n`,
  ].join('')
}

interface DirectoryEntry {
  readonly auid: string
  readonly uri: string
  /** Without quotes. */
  readonly etag: string
}

/** OMA XDM Core 1.0: which documents of a user there are. */
export function directory(entries: readonly DirectoryEntry[]): string {
  const folders = entries.map(
    ({ auid, uri, etag }) =>
      `  <folder auid="${xmlText(auid)}">\n    <entry uri="${xmlText(uri)}" etag="${xmlText(etag)}"/>\n  </folder>\n`,
  )
  return `${DECLARATION}<xcap-directory xmlns="${XCAP_DIRECTORY.namespace}">\n${folders.join('')}</xcap-directory>\n`
}

/** RFC 4825 11. `field`: which URI is the same as another, of a uniqueness failure. */
export function errorDocument(condition: XcapCondition, phrase: string, field?: string): string {
  const attribute = ` phrase="${xmlText(phrase)}"`
  const content =
    condition === 'uniqueness-failure'
      ? `<uniqueness-failure${attribute}><exists field="${xmlText(field ?? '')}"/></uniqueness-failure>`
      : `<${condition}${attribute}/>`
  return `${DECLARATION}<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error">${content}</xcap-error>\n`
}
