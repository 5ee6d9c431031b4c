import { acceptsInside, acceptsOutside, canPush } from '../../sdp/accept.ts'
import type { MsrpMedia } from '../../sdp/msrp-media.ts'
import type { HistoryKind } from '../../store/history.ts'

/** How the items of a history go to a client (RFC 4975 8.6: nothing that it did not list). */
export interface HistoryForms {
  /** A MESSAGE, within multipart/mixed; undefined: not at all. */
  readonly message: 'message/sip' | 'message/sipfrag' | undefined
  /** Heads of sessions, and when an item was received. */
  readonly hasFragments: boolean
  /** A large message, as fragments and message/msrp. */
  readonly hasLarge: boolean
  /** Sessions as such too, because the client asked for them so. */
  readonly isWrapped: boolean
}

export function historyForms(media: MsrpMedia, isWrapped: boolean): HistoryForms {
  const message = canPush(media)
  const hasFragments = acceptsOutside(media, 'multipart/mixed') && acceptsInside(media, 'message/sipfrag')
  return {
    message: message === 'message/cpim' ? undefined : message,
    hasFragments,
    hasLarge: hasFragments && acceptsInside(media, 'message/msrp'),
    isWrapped,
  }
}

/** Whether an item of that kind can go. Of a session that is not wrapped each SEND is looked at by itself. */
export function takesKind(forms: HistoryForms, kind: HistoryKind): boolean {
  if (kind === 'message') return forms.message !== undefined
  return forms.hasLarge || (kind === 'session' && !forms.isWrapped)
}
