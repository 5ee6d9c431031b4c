import { values } from '../sip-parser-lite/access.ts'
import type { SipMessage } from '../sip-parser-lite/message.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import type { Header } from './dialog.ts'
import { contactUri } from './dialog.ts'
import type { SessionContext } from './session-types.ts'

/** What we take in a dialog of a session. */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE'

export const ownHeaders = (context: SessionContext): Header[] => [['User-Agent', context.userAgent]]

/** RFC 4028 7.1: who refreshes is named, and it is whoever sends this. */
export function timerHeaders(seconds: number, minSe: number | undefined): Header[] {
  const expires: Header = ['Session-Expires', `${seconds};refresher=uac`]
  return minSe === undefined ? [expires] : [expires, ['Min-SE', String(minSe)]]
}

/** Methods of Allow in upper case; undefined when the message does not say. */
export function allowed(message: SipMessage): readonly string[] | undefined {
  const methods = values(message, 'allow').map(method => method.toUpperCase())
  return methods.length > 0 ? methods : undefined
}

/** URI of the Contact; undefined when there is none or it is malformed, for where it is only noted. */
export const notedContact = (message: SipMessage): string | undefined => leniently(() => contactUri(message))

/** Undefined where `read` finds that the peer broke the grammar. */
export function leniently<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined
    throw error
  }
}

/** Runs `read` on what a peer sent; what breaks the grammar there is counted and otherwise not here. */
export function tolerantly(context: SessionContext, read: () => void): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof SipSyntaxError)) throw error
    context.counters.count('session_malformed_messages')
    context.log.debug('malformed message of a session', { reason: error.message })
  }
}
