/** What the station at that address shows over the simulated TLS, as `a=fingerprint` has it. */
export function simulatedFingerprint(address: string): string {
  const bytes = Buffer.alloc(32, address)
  return `sha-256 ${bytes.toString('hex').toUpperCase().match(/../g)!.join(':')}`
}
