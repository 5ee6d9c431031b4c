import type { MsrpMedia } from './msrp-media.ts'

/** How a stored message may be handed over in this MSRP session. */
export type PushForm = 'message/sip' | 'message/sipfrag' | 'message/cpim'

/**
 * RFC 4975 8.6: nothing may be sent that the peer did not list. Gives the best form for stored messages that its
 * answer allows: wrapped in multipart/mixed, else as message/cpim, else none. Types inside message/cpim are for
 * `acceptsInside`.
 */
export function canPush(
  media: MsrpMedia,
  prefer: 'message/sip' | 'message/sipfrag' = 'message/sip',
): PushForm | undefined {
  const other = prefer === 'message/sip' ? 'message/sipfrag' : 'message/sip'
  if (acceptsOutside(media, 'multipart/mixed')) {
    if (acceptsInside(media, prefer)) return prefer
    if (acceptsInside(media, other)) return other
  }
  return acceptsOutside(media, 'message/cpim') ? 'message/cpim' : undefined
}

/** The same for stored large messages, which go as two parts or as message/cpim (DM-PSH-06). */
export function canPushLarge(media: MsrpMedia): 'message/msrpfrag' | 'message/cpim' | undefined {
  const takesParts = ['message/sipfrag', 'message/msrpfrag'].every(type => acceptsInside(media, type))
  if (takesParts && acceptsOutside(media, 'multipart/mixed')) return 'message/msrpfrag'
  return acceptsOutside(media, 'message/cpim') ? 'message/cpim' : undefined
}

/** Whether a message of this type may be sent as it is. `type` is a media type without parameters. */
export const acceptsOutside = (media: MsrpMedia, type: string): boolean => isListed(media.acceptTypes, type)

/**
 * Whether this type may stand inside another: by accept-wrapped-types, and what may stand alone may also be wrapped.
 */
export const acceptsInside = (media: MsrpMedia, type: string): boolean =>
  isListed(media.acceptWrappedTypes, type) || isListed(media.acceptTypes, type)

function isListed(entries: readonly string[], type: string): boolean {
  const wanted = type.toLowerCase()
  return entries.some(entry => covers(entry.split(';', 1)[0]!.toLowerCase(), wanted))
}

const covers = (entry: string, type: string): boolean =>
  entry === '*' || entry === '*/*' || entry === type || (entry.endsWith('/*') && type.startsWith(entry.slice(0, -1)))
