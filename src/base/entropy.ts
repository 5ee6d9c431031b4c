/** Every random value of the engine draws from one of these: the host's is cryptographic, a test's replays from a seed. */
export interface Entropy {
  bytes(count: number): Uint8Array
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** At least `bits` unguessable bits as lower-case letters and digits: legal in every SIP token and MSRP ident. */
export function token(entropy: Entropy, bits: number): string {
  let text = ''
  for (const byte of entropy.bytes(Math.ceil(bits / 5))) text += ALPHABET[byte & 31]
  return text
}

/** Uniform in [0, below), for jitter; `below` at most 2^32. */
export function randomBelow(entropy: Entropy, below: number): number {
  const [a, b, c, d] = entropy.bytes(4) as unknown as [number, number, number, number]
  return Math.floor(((a * 16777216 + b * 65536 + c * 256 + d) / 4294967296) * below)
}
