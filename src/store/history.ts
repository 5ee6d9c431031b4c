import type { WallTime } from '../base/time.ts'

/**
 * History (HIS-STO-01..07): what was said to and by a user, as it was said. An item is one SIP MESSAGE, one large message over MSRP, or
 * one session; its content is a sequence of pieces of the wire, in the order of their arrival. Text is latin1 or ASCII.
 */

/** `message`: one SIP MESSAGE. `large`: page mode over MSRP, one message. `session`: session mode, any number of SENDs. */
export type HistoryKind = 'message' | 'large' | 'session'

/** How the owner took part. `recorded`: asked for it by REFER. */
export type HistoryRole = 'receiver' | 'sender' | 'recorder'

/** In whose account it is kept (HIS-STO-07). An owner who has not switched that kind of history on is passed over by the store. */
export interface HistoryOwner {
  /** Canonical address-of-record of a user of ours. */
  readonly aor: string
  readonly role: HistoryRole
  /** The other side, as it is listed and searched for: address-of-record or URI; `anonymous` where privacy was asked for. */
  readonly peer: string
}

/** What is known of an item beside its content. */
export interface HistoryItem {
  readonly kind: HistoryKind
  readonly receivedAt: WallTime
  /** URIs of From and To, less their parameters; `anonymous` for a sender who asked for privacy. */
  readonly from: string
  readonly to: string
  readonly subject?: string
  readonly callId: string
  /** The sender asked for privacy: who it was is told to nobody who reads this, whatever the heads have. */
  readonly isAnonymous: boolean
  /** Of the asserted identity, if there was one. Absent for the anonymous. */
  readonly assertedIdentity?: string
  /** Given by whoever had it recorded (HIS-REF-08): at most 128 characters, no path; never the name of a file here. */
  readonly recordingName?: string
}

/** SIP heads that belong to a session or a large message (HIS-STO-02, 05): start line and kept headers, each line ended by CRLF, no empty line. */
export interface HistoryHeads {
  readonly invite?: Buffer
  readonly answer?: Buffer
  readonly bye?: Buffer
}

/** Octets of the wire: of a MESSAGE the whole request; of a SEND its head, body and end-line, whole or in several pieces in a row. */
export interface HistoryPiece {
  readonly at: WallTime
  /** Who sent it: whoever sent the INVITE, whoever answered it, or the focus of a conference. */
  readonly from: 'caller' | 'callee' | 'focus'
  /** At most 65,536 octets. */
  readonly bytes: Buffer
  /** Whether the request ends with it. */
  readonly isEnd: boolean
}

export interface HistoryParticipant {
  readonly uri: string
  readonly displayName?: string
  readonly joinedAt: WallTime
  readonly leftAt?: WallTime
}

export interface HistoryLimits {
  /** Of each owner; the oldest items make room. An item larger than this is cut short. */
  readonly quotaBytes: number
  /** New in the history of each owner in a day, which begins with the first item after the one before is over: flash wears. */
  readonly dayBytes: number
  /** Flash kept free: below it nothing is added to any history. */
  readonly reserveBytes: number
  /** For users who never decided. */
  readonly isActiveByDefault: boolean
}

/** How an item that came over a session stands. */
export type HistoryState = 'open' | 'whole' | 'cut short' | 'interrupted'

/** One item as its owner sees it listed. */
export interface HistoryEntry extends HistoryItem {
  /** `sip:STRING@hostname`, made by the store and never reused (HIS-STO-06). */
  readonly reference: string
  readonly role: HistoryRole
  readonly peer: string
  /** Octets of its pieces and heads. */
  readonly size: number
  /** Requests in it: 1 of a message, SENDs otherwise. */
  readonly count: number
  readonly state: HistoryState
  readonly endedAt?: WallTime
}

export interface HistoryFilter {
  readonly kind?: HistoryKind
  /** As in `HistoryOwner.peer`, exactly. */
  readonly peer?: string
  /** Received at or after, and before. */
  readonly since?: WallTime
  readonly until?: WallTime
  /** Somewhere in the subject, in any case of ASCII letters. */
  readonly subject?: string
}

/** Where a page ended; opaque, ASCII, at most 64 characters; good as long as the store is. */
export type HistoryCursor = string

export interface HistoryPage {
  readonly entries: readonly HistoryEntry[]
  /** Absent: nothing follows. A page may be short, or empty, and yet have one: so many items were looked at. */
  readonly next?: HistoryCursor
}

/** What goes into histories together with a message (`history.keep`). */
export interface NewHistory {
  readonly item: HistoryItem
  readonly owners: readonly HistoryOwner[]
  readonly piece: HistoryPiece
  readonly limits: HistoryLimits
  /** Who sent it proved nothing: no older item makes room for it. */
  readonly isFromStranger?: boolean
}

/** Why an owner who wants it does not get it: a stranger's item in a full history, or as much as there may be new in a day. */
export type PassedOver = 'no room for strangers' | 'daily limit'

/** What became of an item in the history of one owner. */
export type HistoryOutcome =
  | {
      readonly aor: string
      readonly reference: string
      /** Older items that made room; absent: none. */
      readonly evicted?: number
    }
  | { readonly aor: string; readonly passedOver: PassedOver }

/** Of all who want it, in their order. */
export type HistoryKept = readonly HistoryOutcome[] | 'flash reserve'

/** What the user decided; absent: never. */
export interface HistoryChoice {
  readonly sessionHistory?: boolean
  readonly pagerHistory?: boolean
}

/** The verbs of the store that concern history; as `Verbs`. */
export interface HistoryVerbs {
  /**
   * A whole message, for all owners who want it, in one transaction (HIS-STO-01). The oldest items of an owner give way to it, unless it
   * is from a stranger.
   */
  'history.keep': { request: NewHistory; reply: HistoryKept }
  /**
   * Begins an item whose pieces come later (HIS-STO-02..04). It is listed at once, as `open`. 'unwanted': no owner has switched it on.
   * `outcomes`: of all who want it; without a record nobody has it.
   */
  'history.open': {
    request: {
      item: HistoryItem
      owners: readonly HistoryOwner[]
      heads: HistoryHeads
      limits: HistoryLimits
      /** Kept without a look at the settings: its owner asked for this very item (HIS-REF-01). */
      isAskedFor?: boolean
      /** As `NewHistory.isFromStranger`; counts for all that is appended. */
      isFromStranger?: boolean
    }
    reply: { readonly record?: number; readonly outcomes: readonly HistoryOutcome[] } | 'unwanted' | 'flash reserve'
  }
  /**
   * Adds pieces in their order; they are the store's until it has replied. 'full': the item is as long as one may be, or the flash is;
   * it was cut short here and is closed. `passedOver`: the same, for the limits of an owner. `evicted`: kept, and so many older items made room.
   */
  'history.append': {
    request: { record: number; pieces: readonly HistoryPiece[]; limits: HistoryLimits }
    reply:
      | 'kept'
      | { readonly evicted: number }
      | 'full'
      | { readonly aor: string; readonly passedOver: PassedOver }
      | 'gone'
  }
  /** `keep: false`: as if it had never been begun. Otherwise it is whole, or what `state` says. */
  'history.close': {
    request: {
      record: number
      at: WallTime
      keep: boolean
      state?: 'cut short' | 'interrupted'
      /** Added to those given at the beginning. */
      heads?: HistoryHeads
      participants?: readonly HistoryParticipant[]
    }
    reply: 'closed' | 'gone'
  }
  /** At start: what no process records any more is closed as interrupted. How many. */
  'history.recover': { request: { at: WallTime }; reply: number }
  /** Newest or oldest first. Cost does not depend on how much is stored: at most `limit` entries, and a bounded number looked at. */
  'history.list': {
    request: { aor: string; filter: HistoryFilter; order: 'oldest' | 'newest'; after?: HistoryCursor; limit: number }
    reply: HistoryPage
  }
  /** Undefined: the owner has no such item. */
  'history.get': {
    request: { aor: string; reference: string }
    reply:
      | {
          readonly entry: HistoryEntry
          readonly heads: HistoryHeads
          readonly participants: readonly HistoryParticipant[]
        }
      | undefined
  }
  /** Pieces of one item in order, from the one numbered `from` (0 the first): about so many bytes, at least one if there is one. */
  'history.pieces': {
    request: { aor: string; reference: string; from: number; bytes: number }
    reply: { readonly pieces: readonly HistoryPiece[]; readonly next: number; readonly isLast: boolean } | undefined
  }
  /**
   * One item leaves the owner's history; an open one is not recorded for them any further. With `ifVersion`, here and below, only if that is
   * what `history.summary` says still.
   */
  'history.remove': {
    request: { aor: string; reference: string; ifVersion?: string }
    reply: 'removed' | 'absent' | 'changed'
  }
  /** Removes items of one owner, oldest first, at most `limit`, all or those received before. How many, and whether there are more. */
  'history.erase': {
    request: { aor: string; before?: WallTime; limit: number; ifVersion?: string }
    reply: { readonly removed: number; readonly isDone: boolean; readonly isChanged?: true }
  }
  /** Ends what is older than `before`, over all owners, at most `limit` items. Never asked while the clock is not trusted. Called until it says 0. */
  'history.expire': { request: { before: WallTime; limit: number }; reply: number }
  /** Removes content that nobody's history has any more, at most `limit` records. How many; 0: nothing is left. */
  'history.sweep': { request: { limit: number }; reply: number }
  /** In constant time. `version` is another text whenever the items are other ones. Undefined: no such account. */
  'history.summary': {
    request: { aor: string }
    reply:
      | { readonly items: number; readonly bytes: number; readonly version: string; readonly oldestAt?: WallTime }
      | undefined
  }
  /** Accounts that have any history, in order of name. */
  'history.owners': {
    request: { after?: string; limit: number }
    reply: readonly { readonly aor: string; readonly items: number; readonly bytes: number }[]
  }
}
