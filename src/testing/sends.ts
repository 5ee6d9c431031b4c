/** The SENDs among these whole MSRP frames, each from its start line to the end of its end-line (RFC 4975 7.1). */
export function sendsIn(wire: Buffer): Buffer[] {
  const sends: Buffer[] = []
  for (let from = 0; from < wire.length; ) {
    const lineEnd = wire.indexOf('\r\n', from)
    const [, id = '', method] = wire.toString('latin1', from, lineEnd).split(' ')
    const endLine = wire.indexOf(`\r\n-------${id}`, lineEnd - 2)
    if (lineEnd < 0 || endLine < 0) break
    const end = endLine + `\r\n-------${id}$\r\n`.length
    if (method === 'SEND') sends.push(wire.subarray(from, end))
    from = end
  }
  return sends
}
