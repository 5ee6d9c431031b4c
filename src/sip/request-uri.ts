/**
 * RFC 3261 19.1.1: a contact as Request-URI or Route, where header fields and the method parameter may not stand; the
 * rest is left as it was spelled. `?` and `;` may be part of a user name, so only what follows it is looked at.
 */
export function withoutHeaders(uri: string): string {
  const afterUser = uri.lastIndexOf('@') + 1
  const host = uri
    .slice(afterUser)
    .replace(/\?.*$/s, '')
    .replace(/;method=[^;]*/i, '')
  return uri.slice(0, afterUser) + host
}
