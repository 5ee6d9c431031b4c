import type { LifeStory, MailboxSummary, Waiting } from '../store/verbs.ts'

/** Text of strangers is readable text, not latin1. */
export interface WaitingRow extends Waiting {
  readonly aor: string
  readonly sender: string
}

export interface QueueTotals {
  readonly mailboxes: number
  readonly messages: number
  readonly bytes: number
}

export interface MessageView {
  readonly story: LifeStory
  /** While it waits. */
  readonly waiting?: WaitingRow
  /** Start line and headers as they are kept, while it waits. */
  readonly head?: string
  /** Contacts of the receiver that are registered now. */
  readonly contacts: number
}

export type Delivering =
  /** It is tried now; the life story tells how it went. */
  | { readonly outcome: 'asked'; readonly contacts: number }
  | { readonly outcome: 'nobody registered' }
  /** The receiver does not want pushes (DM-DLV-02). */
  | { readonly outcome: 'switched off' }
  | { readonly outcome: 'not waiting' }
  | { readonly outcome: 'unknown' }

/** Where a search goes on. Opaque. */
export type QueuePlace = string

/** What waits, for whom, and what became of it. What the store refuses is thrown as a Problem of 503. */
export interface QueueService {
  totals(): Promise<QueueTotals>
  /** Of everybody for whom something waits, in order of name. */
  mailboxes(asked: { readonly after?: string; readonly limit: number }): Promise<{
    readonly mailboxes: readonly MailboxSummary[]
    readonly next?: string
  }>
  /** Messages that wait, the oldest of each mailbox first. `sender`: somewhere in it. A page may be short and yet have a next: so many were looked at. */
  messages(asked: {
    readonly aor?: string
    readonly sender?: string
    readonly after?: QueuePlace
    readonly limit: number
  }): Promise<{ readonly messages: readonly WaitingRow[]; readonly next?: QueuePlace }>
  /** By store id, Call-ID or MSRP Message-ID, the newest first. */
  trace(id: string, limit: number): Promise<readonly LifeStory[]>
  /** By store id. */
  message(id: string): Promise<MessageView | undefined>
  deliver(id: string): Promise<Delivering>
  /** Its sender is told, if that was asked for. */
  remove(id: string, who: string): Promise<'deleted' | 'not waiting' | 'unknown'>
}
