import type { Now } from '../base/time.ts'
import type { MsrpStart } from '../msrp/session.ts'
import { isNumericHost, parseMsrpUri } from '../msrp/uri.ts'
import type { Resolver } from '../sip/next-hop.ts'

/** With the address to connect to, if it is for us to connect and the path names a host. Undefined: that host has no address. */
export function addressed(
  now: Now,
  resolver: Resolver,
  start: Omit<MsrpStart, 'address'>,
  done: (now: Now, start: MsrpStart | undefined) => void,
): void {
  const host = parseMsrpUri(start.remotePath[0] ?? '')?.host ?? ''
  if (start.role === 'passive' || isNumericHost(host)) return done(now, start)
  addressOf(now, resolver, host, (then, address) =>
    done(then, address === undefined ? undefined : { ...start, address }),
  )
}

/** RFC 4975 6: an MSRP URI names its host; the port is always in it, so an address is all there is to look up. */
function addressOf(
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
