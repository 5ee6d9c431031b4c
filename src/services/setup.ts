/** What the wizard of the first run asks of the machine. */
export interface SetupService {
  /** Numeric addresses under which others may reach it: neither loopback nor link-local ones; IPv4 first. */
  addresses(): readonly string[]
}
