/**
 * What a Contact value says besides its URI, kept as it was spelled: feature tags go back to the client and out to
 * others verbatim.
 */

/** The header parameters of one Contact value, `;` included, without `expires`, which the registrar decides. */
export function contactParams(value: string): string {
  let kept = ''
  for (const param of splitParams(afterUri(value))) {
    const text = param.trim()
    const name = text.split('=', 1)[0]!.trim().toLowerCase()
    if (text !== '' && name !== 'expires') kept += `;${text}`
  }
  return kept
}

/** RFC 3261 20.10: with angle brackets the parameters after them are the header's; without, all of them are. */
function afterUri(value: string): string {
  const open = indexOutsideQuotes(value, '<', 0)
  const start = open < 0 ? value.indexOf(';') : value.indexOf('>', open) + 1
  return start <= 0 ? '' : value.slice(start)
}

function splitParams(text: string): string[] {
  const params: string[] = []
  let from = 0
  for (;;) {
    const end = indexOutsideQuotes(text, ';', from)
    if (end < 0) return [...params, text.slice(from)]
    params.push(text.slice(from, end))
    from = end + 1
  }
}

function indexOutsideQuotes(text: string, wanted: string, from: number): number {
  let isQuoted = false
  for (let at = from; at < text.length; at++) {
    const char = text[at]
    if (isQuoted && char === '\\') at++
    else if (char === '"') isQuoted = !isQuoted
    else if (!isQuoted && char === wanted) return at
  }
  return -1
}

/**
 * DM-DLV-01: a boolean feature tag (RFC 3840 9) is there as a bare name or as a value list with TRUE in it, whatever
 * the case. `name` in lower case; parameter names are lower case already.
 */
export function hasFeature(params: ReadonlyMap<string, string | undefined>, name: string): boolean {
  if (!params.has(name)) return false
  const listed = (params.get(name) ?? '').split(',').map(item => item.trim().toLowerCase())
  return listed.includes('') || listed.includes('true')
}

/** RFC 3261 20.10 q in thousandths, 1000 when absent; undefined when it is no qvalue. */
export function thousandths(q: string | undefined): number | undefined {
  if (q === undefined) return 1000
  if (!/^(0?\.\d{1,3}|0\.?|1(\.0{0,3})?)$/.test(q)) return undefined
  return Math.round(Number(q) * 1000)
}
