import type { Now } from '../base/time.ts'
import type { Resolver } from '../sip/next-hop.ts'

/** RFC 4975 6: an MSRP URI names its host; the port is always in it, so an address is all there is to look up. */
export function addressOf(
  now: Now,
  resolver: Resolver,
  name: string,
  done: (now: Now, address: string | undefined) => void,
): void {
  const first = (then: Now, kind: 'A' | 'AAAA', missing: (now: Now) => void): void =>
    resolver.ask(then, { kind, name }, (later, records) => {
      const record = records.find(candidate => candidate.kind === kind)
      if (record && 'address' in record) done(later, record.address)
      else missing(later)
    })
  first(now, 'A', then => first(then, 'AAAA', later => done(later, undefined)))
}
