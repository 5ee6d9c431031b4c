import type { DnsQuestion } from './base/dns.ts'
import type { Flow } from './base/flow.ts'
import type { StoreRequest } from './store/verbs.ts'

/** Bounds that a small machine sets lower than usual. */
export interface EngineLimits {
  /** Mailboxes handed over at once: 1 to 256, the usual. */
  readonly pushes: number
  /** Octets of answers that are kept for repetitions of their requests, and of their keys: usually 8 MiB. */
  readonly answerBytes: number
}

/** What the engine wants done. The host carries them out in order; results come back as inputs of their own. */
export type Output =
  | { readonly kind: 'transmit'; readonly flow: Flow; readonly bytes: Buffer }
  /** Open this stream. Transmits for it may follow at once and wait, bounded, for the connection. */
  | { readonly kind: 'connect'; readonly flow: Flow }
  | { readonly kind: 'close'; readonly flow: Flow }
  /** Stop, or go on, reading from this stream: TCP slows its sender while the store is behind with what it sent. */
  | { readonly kind: 'hold'; readonly flow: Flow; readonly isHeld: boolean }
  | { readonly kind: 'store'; readonly id: number; readonly request: StoreRequest }
  /** Other messages wait for that user than before. Only where another document server is to have the lists. */
  | { readonly kind: 'mailbox'; readonly aor: string }
  | { readonly kind: 'resolve'; readonly id: number; readonly question: DnsQuestion }
