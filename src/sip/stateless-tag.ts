import type { SipRequest } from '../sip-parser-lite/message.ts'

/**
 * RFC 3261 8.2.7: a To tag for an answer that nothing is kept of, the same each time the request comes. FNV-1a over Call-ID,
 * CSeq and From; nothing secret hangs on it.
 */
export function statelessTag(request: SipRequest): string {
  let hash = 0x811c9dc5
  for (const header of request.headers) {
    if (header.key !== 'call-id' && header.key !== 'cseq' && header.key !== 'from') continue
    for (let at = 0; at < header.value.length; at++) hash = Math.imul(hash ^ header.value.charCodeAt(at), 0x01000193)
  }
  return `s${(hash >>> 0).toString(36)}`
}
