import { hostPort } from '../base/flow.ts'

/** RFC 4975 6. */
export interface MsrpUri {
  readonly scheme: 'msrp' | 'msrps'
  /** Lower-case; IPv6 without brackets, in its shortest form. */
  readonly host: string
  /** Absent when the URI names none; 2855 is then meant (RFC 4975 15.4). */
  readonly port?: number
  /** Case-sensitive. Absent in a relay's URI. */
  readonly sessionId?: string
  /** Lower-case, `tcp` or `ws`. TLS shows in the scheme. */
  readonly transport: string
}

export const MSRP_PORT = 2855

/** Longer is nobody's URI. */
const URI_LENGTH_MAX = 1024

const MSRP_URI =
  /^(msrps?):\/\/(?:[^@/;\s]*@)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?(?:\/([^;\s]+))?;([a-z0-9]+)(?:;\S*)?$/i

/** Undefined when `text` is no MSRP URI. */
export const parseMsrpUri = (text: string): MsrpUri | undefined => {
  const match = text.length > URI_LENGTH_MAX ? null : MSRP_URI.exec(text)
  if (!match) return undefined
  const [, scheme = '', rawHost = '', port, sessionId, transport = ''] = match
  const host = canonicalHost(rawHost)
  if (host === undefined || Number(port) > 65535) return undefined
  return {
    scheme: scheme.toLowerCase() as MsrpUri['scheme'],
    host,
    ...(port !== undefined && { port: Number(port) }),
    ...(sessionId !== undefined && { sessionId }),
    transport: transport.toLowerCase(),
  }
}

export const formatMsrpUri = (uri: MsrpUri & { readonly port: number }): string =>
  `${uri.scheme}://${hostPort({ address: uri.host, port: uri.port })}/${uri.sessionId ?? ''};${uri.transport}`

export const isNumericHost = (host: string): boolean => host.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host)

/** 6.1 compares addresses, not their spelling. */
const canonicalHost = (host: string): string | undefined => {
  if (!host.startsWith('[')) return host.toLowerCase()
  const canonical = URL.parse(`http://${host}/`)?.hostname
  return canonical?.slice(1, -1)
}
