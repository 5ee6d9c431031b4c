import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreResult, Verb } from '../store/verbs.ts'

/** One JSON object a line each way, on a socket in the data folder that its owner alone may open. */

/** What the command line may ask of a running box. Keys stay inside, and so do the bytes of what waits; of a history they are what is asked for. */
export const CONTROL_VERBS = [
  'account.get',
  'account.list',
  'account.put',
  'account.remove',
  'settings.get',
  'settings.put',
  'mailboxes',
  'mailbox',
  'trace',
  'history.summary',
  'history.list',
  'history.get',
  'history.pieces',
  'history.remove',
  'history.erase',
  'history.owners',
  'status',
] as const satisfies readonly Verb[]

export type ControlVerb = (typeof CONTROL_VERBS)[number]

/** A page of 100 life stories of long addresses still fits. */
export const LINE_BYTES_MAX = 4 * 1024 * 1024

export interface ControlRequest {
  /** `backup` with `{ passphrase }` begins one, or with nothing goes on with it. */
  readonly verb: ControlVerb | 'hello' | 'backup'
  readonly request: object
}

interface Refused {
  readonly refused: string
}

/** The octets that come next; records of the store so far, and how many there are. */
interface BackupPart {
  readonly bytes: Buffer
  readonly isEnd: boolean
  readonly done: number
  readonly total: number
}

export type BackupReply = { readonly backup: BackupPart } | Refused

export type ControlReply = StoreResult<Verb> | { readonly hello: Hello } | BackupReply

export interface Hello {
  readonly pid: number
  readonly version: string
}

/** A socket address holds 107 bytes of path; a longer one is reached by way of the open folder. */
const PATH_BYTES_MAX = 100

interface SocketPath {
  readonly path: string
  release(): void
}

export function controlPath(dataDir: string): SocketPath {
  const path = join(dataDir, 'control')
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return { path, release() {} }
  const folder = openSync(dataDir, 'r')
  return { path: `/proc/self/fd/${folder}/control`, release: () => closeSync(folder) }
}

/** Bytes travel as base64. */
export const encodeRequest = (request: ControlRequest): string => `${JSON.stringify(request, encodeBytes)}\n`

/** What an account logs in with goes in and never comes out. */
export const encodeReply = (reply: ControlReply): string => `${JSON.stringify(reply, withoutKeys)}\n`

const encodeBytes = (_key: string, value: unknown): unknown =>
  isBufferJson(value) ? { base64: Buffer.from(value.data).toString('base64') } : value

const withoutKeys = (key: string, value: unknown): unknown =>
  key.startsWith('ha1') ? undefined : encodeBytes(key, value)

const isBufferJson = (value: unknown): value is { data: number[] } =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value

export const decodeLine = (line: string): unknown =>
  JSON.parse(line, (_key, value) =>
    typeof value?.base64 === 'string' && Object.keys(value).length === 1 ? Buffer.from(value.base64, 'base64') : value,
  )

/** Gathers whole lines out of what a stream brings; undefined once a line is longer than allowed. */
export class Lines {
  #rest: Buffer = Buffer.alloc(0)

  push(bytes: Buffer): string[] | undefined {
    const whole = Buffer.concat([this.#rest, bytes])
    const end = whole.lastIndexOf(10)
    this.#rest = whole.subarray(end + 1)
    if (this.#rest.length > LINE_BYTES_MAX) return undefined
    return end < 0 ? [] : whole.toString('utf8', 0, end).split('\n')
  }
}
