import { codeOf, messageOf, reasonOf } from '../plain-error.ts'

export const NO_DESCRIPTORS =
  'this program may open no more files and connections. Raise its limit (LimitNOFILE), or see who holds so many.'

/** What the network said, and what to do about it. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused: nothing listens there. Check address, port and transport, and that the program there runs.',
  ECONNRESET: 'cut off by the other side. A firewall may do so, or a port that speaks something else.',
  EHOSTUNREACH: 'no way there: no host of that address answers. Check address, cable and gateway.',
  ENETUNREACH: 'no way there: this machine has no route. Check its addresses and gateway.',
  EADDRNOTAVAIL: 'this machine has no address to go there from. Check its addresses.',
  EMFILE: NO_DESCRIPTORS,
  ENFILE: NO_DESCRIPTORS,
  EPIPE: 'cut off by the other side.',
  EPROTO: 'it does not speak TLS there. Check the port.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name.',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an authority that this box does not know. Install that (tls.ca).',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'its certificate is self-signed. Install it as an authority (tls.ca), or one that is known there.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is of an authority that this box does not know. Install that (tls.ca).',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is of an authority that this box does not know. Install that (tls.ca).',
  CERT_HAS_EXPIRED: 'its certificate has ended, or the clock of this box is wrong.',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock of this box is wrong.',
}

export function toldError(error: unknown): string {
  const code = codeOf(error)
  const words = WORDS[code]
  if (words) return words
  if (code.startsWith('ERR_SSL_WRONG_VERSION')) return WORDS.EPROTO!
  if (code.startsWith('ERR_SSL')) return `TLS failed: ${messageOf(error).slice(0, 200)}`
  return `${reasonOf(error).slice(0, 200).replace(/\.$/, '')}.`
}

export const lateAfter = (ms: number): string =>
  `no answer within ${Math.round(ms / 1000)} s. A firewall may drop it, or the program there hangs.`
