import type { Readable } from 'node:stream'
import { errorDocument, XCAP_ERROR_TYPE } from '../../content/xcap-documents.ts'
import type { XcapConflict } from '../../content/xcap-edit.ts'

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Text is UTF-8. A stream is left alone where the client asked for the headers only. */
  readonly body?: string | Buffer | Readable
}

const TEXT = 'text/plain; charset=utf-8'

/** In words for whoever looks at it by hand. */
export const plain = (status: number, text: string, headers: Answer['headers'] = {}): Answer => ({
  status,
  headers: { 'content-type': TEXT, ...headers },
  body: `${text}\n`,
})

export const notFound = (): Answer => plain(404, 'Nothing is there.')

export const notAllowed = (allow: string): Answer => plain(405, 'This cannot be done with that.', { allow })

/** RFC 4825 7.1: content of another type. */
export const wrongType = (accept: string): Answer => plain(415, `Content-Type has to be ${accept}.`, { accept })

/** Seconds until it is worth another try: the store is behind, or its medium failed. */
const RETRY_S = 5

export const unavailable = (): Answer =>
  plain(503, 'The store does not answer now.', { 'retry-after': String(RETRY_S) })

/** Part of a long work is done and stays so; whoever asks the same again has the next part done. */
export const unfinished = (headers: Readonly<Record<string, string>>): Answer =>
  plain(503, 'Many are deleted, and more are left: ask again.', { 'retry-after': '1', ...headers })

/** RFC 4825 11. `field`: the URI that is there twice. */
export const conflictAnswer = ({ condition, message }: XcapConflict, field?: string): Answer => ({
  status: 409,
  headers: { 'content-type': XCAP_ERROR_TYPE },
  body: errorDocument(condition, message, field),
})

export const quoted = (etag: string): string => `"${etag}"`
