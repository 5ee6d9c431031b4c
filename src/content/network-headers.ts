/**
 * DM-STO-03: what the network must take out before a request reaches a user. Charging (RFC 7315 4.5, 4.6; RFC 8496; RFC
 * 5503), the sender's cell and visited network (RFC 7315 4.3, 4.4: for the home network's eyes), and subscriber records
 * (RFC 5002, 4457, 5502). P-Called-Party-ID and P-Asserted-Service are meant for the receiver and stay.
 */
export const NETWORK_ONLY: ReadonlySet<string> = new Set([
  'p-charging-vector',
  'p-charging-function-addresses',
  'p-charge-info',
  'p-dcs-billing-info',
  'p-dcs-laes',
  'p-dcs-trace-party-id',
  'p-access-network-info',
  'p-visited-network-id',
  'p-served-user',
  'p-profile-key',
  'p-user-database',
])
