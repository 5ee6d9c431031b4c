import { networkInterfaces } from 'node:os'
import type { Endpoint } from '../base/flow.ts'
import { codeOf, PlainError, reasonOf } from './plain-error.ts'

/** As the engine wants it: without IPv6 zone, and IPv4 as IPv4 even where the socket is an IPv6 one (RFC 4291 2.5.5.2). */
export const plainAddress = (address: string): string => {
  const zone = address.indexOf('%')
  const bare = zone < 0 ? address : address.slice(0, zone)
  return bare.startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare
}

/** Of every interface that is up now; one that comes later is known to streams alone, until the next start. */
export const machineAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap(each => (each ?? []).map(({ address }) => plainAddress(address)))

export const endpointOf = (address: string | undefined, port: number | undefined): Endpoint => ({
  address: plainAddress(address ?? '0.0.0.0'),
  port: port ?? 0,
})

const REASONS: Record<string, string> = {
  EADDRINUSE: 'another program listens there. Stop it, or choose another port',
  EACCES: 'ports below 1024 need a privilege. Choose a higher port, or grant CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'this machine has no such address. Choose one that `ip address` lists',
  EAFNOSUPPORT: 'this machine does not have that address family switched on. Remove the address',
}

/** Why a listener of the configuration could not be opened, and what to do. */
export function bindError(error: unknown, key: string, where: string): PlainError {
  const reason = REASONS[codeOf(error)] ?? reasonOf(error)
  return new PlainError(`${key}: cannot listen on ${where}: ${reason}.`)
}
