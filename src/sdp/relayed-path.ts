import type { Endpoint } from '../base/flow.ts'
import { SDP_LINES_MAX, SdpSyntaxError } from './sdp.ts'

/** Where a stream of messages of two others comes through us. */
interface RelayedPath {
  /** What the reader of the description is to reach us by: `MsrpRelay.pathFor` its side. */
  readonly path: string
  /** Where we take connections from the reader; goes into c= and m=, for those who look there (RFC 6714) and for gateways. */
  readonly endpoint: Endpoint
  /** Of our certificate (RFC 8122), in place of the peer's: needed for a stream over TLS. */
  readonly fingerprint?: string
}

/**
 * The description with the m= line at `index`, which is one of messages over MSRP, led through us: our URI before its a=path (RFC 4976),
 * its address, port and fingerprint ours. Every other byte, line ends included, is as it was. Throws SdpSyntaxError where there is no such
 * line, or nothing in it to reach the peer by.
 */
export function relayedPath(body: Buffer, index: number, relayed: RelayedPath): Buffer {
  const lines = body.toString('latin1').split(/(?<=\n)/, SDP_LINES_MAX + 1)
  const starts = lines.flatMap((line, at) => (line.startsWith('m=') ? [at] : []))
  const from = starts[index]
  if (lines.length > SDP_LINES_MAX || from === undefined) throw new SdpSyntaxError('no such m= line')
  const to = starts[index + 1] ?? lines.length
  const common = lines.slice(0, starts[0])
  const stream = ledThrough(lines.slice(from, to), common, relayed)
  return Buffer.from([...lines.slice(0, from), ...stream, ...lines.slice(to)].join(''), 'latin1')
}

function ledThrough(stream: readonly string[], common: readonly string[], relayed: RelayedPath): string[] {
  const { path, endpoint, fingerprint } = relayed
  const [first = '', ...rest] = stream
  const newline = (common[0] ?? first).endsWith('\r\n') ? '\r\n' : '\n'
  const address = `IN ${endpoint.address.includes(':') ? 'IP6' : 'IP4'} ${endpoint.address}`
  const media = { line: first.replace(/^(m=\s*\S+\s+)\d+/, `$1${endpoint.port}`), rest: [...rest] }
  // RFC 8866 5: i= stands before c=, everything else behind it.
  if (!change(media.rest, /^(c=).*?(\r?\n?)$/, `$1${address}$2`))
    media.rest.splice(media.rest[0]?.startsWith('i=') ? 1 : 0, 0, `c=${address}${newline}`)
  const added: string[] = []
  if (!change(media.rest, /^(a=\s*path\s*:\s*)/i, `$1${path} `)) {
    const theirs = common.map(line => /^a=\s*path\s*:\s*(.*?)\s*$/i.exec(line)?.[1]).find(value => value !== undefined)
    if (theirs === undefined) throw new SdpSyntaxError('the stream has no a=path')
    added.push(`a=path:${path} ${theirs}${newline}`)
  }
  if (fingerprint !== undefined) {
    const at = media.rest.findIndex(isFingerprint)
    const others = media.rest.filter((line, each) => each === at || !isFingerprint(line))
    if (!change(others, /^(a=\s*fingerprint\s*:\s*).*?(\r?\n?)$/i, `$1${fingerprint}$2`))
      added.push(`a=fingerprint:${fingerprint}${newline}`)
    media.rest = others
  }
  return withEnd([media.line, ...media.rest], added, newline)
}

/** The first line of that form; false when there is none. */
function change(lines: string[], form: RegExp, to: string): boolean {
  const at = lines.findIndex(line => form.test(line))
  if (at >= 0) lines[at] = lines[at]!.replace(form, to)
  return at >= 0
}

const isFingerprint = (line: string): boolean => /^a=\s*fingerprint\s*:/i.test(line)

/** Blank lines may end a description, and its last line may lack a line end. */
function withEnd(lines: readonly string[], added: readonly string[], newline: string): string[] {
  const blank = lines.findIndex(line => line.trim() === '')
  const at = blank < 0 ? lines.length : blank
  const all = [...lines.slice(0, at), ...added, ...lines.slice(at)]
  return all.map((line, index) => (line.endsWith('\n') || index === all.length - 1 ? line : line + newline))
}
