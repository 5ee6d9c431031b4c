/** RFC 8122 5: what a certificate may be named by, weakest first. MD2 and MD5 are refused there. */
const HASHES: readonly string[] = ['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512']
const HEX_DIGITS: readonly number[] = [40, 56, 64, 96, 128]

/**
 * The `a=fingerprint` values of a stream or session to compare with those that a peer shows: `sha-256 AA:BB:...`, only those of the
 * strongest hash function among them (RFC 8122 5.1). Undefined when there is none that can be used.
 */
export function usableFingerprints(values: readonly string[]): readonly string[] | undefined {
  const read = values.map(readFingerprint).filter(each => each !== undefined)
  const strongest = Math.max(...read.map(each => each.rank))
  const best = read.filter(each => each.rank === strongest).map(each => each.text)
  return best.length > 0 ? best : undefined
}

function readFingerprint(value: string): { rank: number; text: string } | undefined {
  const match = /^([\w-]+)\s+([0-9a-f]{2}(?::[0-9a-f]{2})*)$/i.exec(value.trim())
  if (!match) return undefined
  const hash = match[1]!.toLowerCase()
  const rank = HASHES.indexOf(hash)
  const hex = match[2]!.toUpperCase()
  if (rank < 0 || hex.replaceAll(':', '').length !== HEX_DIGITS[rank]) return undefined
  return { rank, text: `${hash} ${hex}` }
}
