import type { WallTime } from '../../base/time.ts'
import { orRefusal, type Refusal } from '../../sip/refusal.ts'
import { addressOfRecord, parseUri } from '../../sip-parser-lite/uri.ts'

/** What of a history is meant; `pager` is both kinds of single messages. */
type HistoryType = 'session' | 'pager' | 'all'

/** The History Type uri-parameter of a Request-URI (HIS-REF-08, HIS-INV-06; docs/protocol.md). */
interface HistoryParams {
  /** Every parameter of it as it stands in the URI, byte for byte, each with its semicolon; empty where there is none. */
  readonly raw: string
  /** Undefined where it does not say, or something unknown. */
  readonly type?: HistoryType
  /** It says something, and nothing of what it may say. */
  readonly isTypeUnknown: boolean
  /** For people to read, never the name of a file: 1 to 128 octets of UTF-8 as latin1 text, without path separators and control characters. */
  readonly filename?: string
}

/** What an INVITE to the history function asks for by its Request-URI. Nothing of it: everything. */
interface SelectionParams {
  readonly type: HistoryType
  /** At or after, and before. */
  readonly since?: WallTime
  readonly until?: WallTime
  /** Address-of-record or other URI, or `anonymous`. */
  readonly peer?: string
  /** A reference: what comes after it. */
  readonly after?: string
}

/** Its own name is two words in the source document, so people spell it in three ways. */
const TYPE_NAMES = ['history-type', 'historytype', 'history_type']
const FILENAME = 'filename'
const CARRIED = new Set([...TYPE_NAMES, FILENAME])
const TYPES: ReadonlySet<string> = new Set(['session', 'pager', 'all'])

const FILENAME_BYTES_MAX = 128
/** Of a URI of RFC 3261 in practice, several times over. */
const PEER_LENGTH_MAX = 512
const REFERENCE_LENGTH_MAX = 256

/** Throws SipSyntaxError. */
export function readHistoryParams(uri: string): HistoryParams {
  const { params } = parseUri(uri)
  const typeName = TYPE_NAMES.find(name => params.has(name))
  const typed = typeName === undefined ? '' : unescaped(params.get(typeName))
  const within = /(?:^|[;,]) *filename=(.*)$/is.exec(typed)?.[1]
  const filename = sanitised(params.has(FILENAME) ? unescaped(params.get(FILENAME)) : (within ?? ''))
  const type = /^[a-z]*/i.exec(typed)![0].toLowerCase()
  return {
    isTypeUnknown: typed !== '' && !isType(type) && within === undefined,
    raw: carried(uri).join(''),
    ...(isType(type) && { type }),
    ...(filename !== '' && { filename }),
  }
}

/** HIS-INV-06: the URI with those of the parameters that it does not have itself. `raw` as `readHistoryParams` gave it. Throws SipSyntaxError. */
export function withHistoryParams(uri: string, raw: string): string {
  const { params } = parseUri(uri)
  const added = raw.match(/;[^;]*/g)?.filter(param => !params.has(nameOf(param))) ?? []
  const question = uri.indexOf('?', uri.lastIndexOf('@') + 1)
  const end = question < 0 ? uri.length : question
  return uri.slice(0, end) + added.join('') + uri.slice(end)
}

/** What of a history is asked for; 400 with the parameter that cannot be read, so that nobody gets other messages than meant. */
export function readSelection(uri: string): SelectionParams | Refusal {
  return orRefusal(() => {
    const { params } = parseUri(uri)
    const typeName = TYPE_NAMES.find(name => params.has(name))
    const type = typeName === undefined ? 'all' : unescaped(params.get(typeName)).toLowerCase()
    if (!isType(type)) return bad('history-type', 'session, pager or all')
    const since = timeOf(params.get('since'))
    const until = timeOf(params.get('until'))
    if (params.has('since') && since === undefined) return bad('since', 'a time like 20300131T120000Z')
    if (params.has('until') && until === undefined) return bad('until', 'a time like 20300131T120000Z')
    const peer = params.has('peer') ? peerOf(unescaped(params.get('peer'))) : undefined
    if (params.has('peer') && peer === undefined) return bad('peer', 'a URI')
    const after = params.has('after') ? unescaped(params.get('after')) : undefined
    if (after !== undefined && !isReference(after)) return bad('after', 'a history reference')
    return {
      type,
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      ...(peer !== undefined && { peer }),
      ...(after !== undefined && { after }),
    }
  })
}

const bad = (name: string, wanted: string): Refusal => ({ status: 400, reason: `Parameter ${name} is not ${wanted}` })

const isType = (text: string): text is HistoryType => TYPES.has(text)
const isReference = (text: string): boolean => text.length <= REFERENCE_LENGTH_MAX && /^sip:[!-~]+@[!-~]+$/i.test(text)

/** The URI parameters that belong to the History Type, with their semicolons. */
function carried(uri: string): string[] {
  const behindUser = uri.slice(uri.lastIndexOf('@') + 1).replace(/\?.*$/s, '')
  return behindUser.match(/;[^;]*/g)?.filter(param => CARRIED.has(nameOf(param))) ?? []
}

const nameOf = (param: string): string => /^;([^=]*)/.exec(param)![1]!.toLowerCase()

/** Octets as latin1 text. */
const unescaped = (text = ''): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))

/** What separates a path somewhere, or looks like it. */
const SEPARATORS = /[/\\:\u2044\u2215\u29f8\uff0f\uff3c\uff1a]/g
/** Controls, and what is not seen but turns the text around. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu

/** A hostile name is still a name. */
function sanitised(octets: string): string {
  const text = Buffer.from(octets, 'latin1').toString('utf8')
  const plain = text
    .normalize('NFC')
    .replace(UNSEEN, '')
    .replace(/^ *"(.*)" *$/s, '$1')
    .replace(SEPARATORS, '_')
  let kept = ''
  for (const character of plain.replace(/^[. ]+/, '')) {
    if (Buffer.byteLength(kept + character) > FILENAME_BYTES_MAX) break
    kept += character
  }
  return Buffer.from(kept.replace(/[. ]+$/, '')).toString('latin1')
}

/** RFC 3339 5.6, or the same without dashes and colons, as dates stand in file names. */
const TIMES = [
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i,
  /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(Z)$/i,
]

function timeOf(value: string | undefined): WallTime | undefined {
  const text = unescaped(value)
  const [long, short] = TIMES.map(form => form.exec(text))
  const found = long ?? short
  if (!found) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as number[] as Six
  const fractionMs = long ? Math.floor(Number(`0.${long[7] ?? 0}`) * 1000) : 0
  const offsetMs = offsetOf(found.at(-1)!)
  const isDay = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day && month >= 1 && month <= 12 && day >= 1
  if (!isDay || hour > 23 || minute > 59 || second > 60 || offsetMs === undefined) return undefined
  return (Date.UTC(year, month - 1, day, hour, minute, second) + fractionMs - offsetMs) as WallTime
}

type Six = [number, number, number, number, number, number]

function offsetOf(zone: string): number | undefined {
  if (/^z$/i.test(zone)) return 0
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4, 6))]
  if (hours > 23 || minutes > 59) return undefined
  return (hours * 60 + minutes) * 60_000 * (zone.startsWith('-') ? -1 : 1)
}

/** As history names the other side; without a scheme a SIP address is meant. */
function peerOf(text: string): string | undefined {
  if (text === 'anonymous') return text
  if (text.length > PEER_LENGTH_MAX) return undefined
  const uri = /^[a-z][a-z0-9+.-]*:/i.test(text) ? text : `sip:${text}`
  const found = orRefusal(() => ({ aor: addressOfRecord(uri) }))
  return 'aor' in found ? found.aor : undefined
}
