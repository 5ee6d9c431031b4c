import { xmlText } from './xml-write.ts'

/** RFC 5874: which documents are others than before. */

export const XCAP_DIFF_TYPE = 'application/xcap-diff+xml'

export interface DocumentChange {
  /** Relative to the XCAP root. */
  readonly selector: string
  /** Entity-tags without quotes. Before: absent for a first word of it, or a document that was not there; after: absent of one that is gone. */
  readonly before?: string
  readonly after?: string
}

export function xcapDiff(root: string, changes: readonly DocumentChange[]): Buffer {
  const documents = changes.map(({ selector, before, after }) => {
    const previous = before === undefined ? '' : ` previous-etag="${xmlText(before)}"`
    const next = after === undefined ? '' : ` new-etag="${xmlText(after)}"`
    return `  <document sel="${xmlText(selector)}"${next}${previous}/>\n`
  })
  const attributes = `xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="${xmlText(root)}"`
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<xcap-diff ${attributes}>\n${documents.join('')}</xcap-diff>\n`,
  )
}
