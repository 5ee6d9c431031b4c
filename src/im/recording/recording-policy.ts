import { isAnonymous } from '../../sip/identity.ts'
import type { Referral } from '../../sip/referral-types.ts'
import { orRefusal, type Refusal } from '../../sip/refusal.ts'
import { value, values } from '../../sip-parser-lite/access.ts'
import { type SipRequest, SipSyntaxError } from '../../sip-parser-lite/message.ts'
import { fromAddress, parseNameAddr } from '../../sip-parser-lite/typed.ts'
import { addressOfRecord, parseUri } from '../../sip-parser-lite/uri.ts'
import type { Answer } from '../answers.ts'
import type { Domain } from '../domain.ts'
import { readHistoryParams, withHistoryParams } from '../history/history-uri.ts'

/** What may be recorded, for whom. */
export interface RecordingPolicy {
  /** `history.enabled`. */
  readonly isEnabled: boolean
  /** URI of the history function. Users may refer to their own addresses as well. */
  readonly functionUri: string
  /** Conference-factory-URI: nothing but this, and what is at its host. Empty: anything. */
  readonly factoryUri: string
  /** Of all users at once, 0 to 10,000. */
  readonly recordingsMax: number
  /** Milliseconds after which a recording is ended. */
  readonly durationMaxMs: number
  /** Whether it is known who a user is (`auth.digest`, or a core that vouches): else nobody is sent to addresses of a stranger's choice. */
  readonly areNamesProven: boolean
  /** A core finds users of this domain; without it they are here, and nothing else of that name is. */
  readonly hasCore: boolean
}

/** One recording that was asked for. */
export interface RecordingWish {
  /** Address-of-record of the user in whose history it goes. */
  readonly initiator: string
  /** HIS-INV-06, HIS-REF-07: Refer-To with the History Type of the REFER. */
  readonly requestUri: string
  /** The same as an address. */
  readonly conference: string
  /** HIS-REF-08. */
  readonly recordingName?: string
  /** HIS-INV-07: value of From, without a tag. */
  readonly from: string
  readonly isAnonymous: boolean
  /** Value of Privacy of the REFER, which goes on with the INVITE. */
  readonly privacy?: string
  /** RFC 3892: value of Referred-By of the REFER, which goes on with the INVITE unchanged. */
  readonly referredBy?: string
}

/** HIS-REF-06: IM session initiation and adding policy. A user of ours, for themselves, where recording is allowed; or why not. */
export function wishOf(referral: Referral, policy: RecordingPolicy, domain: Domain): RecordingWish | Answer {
  const refusal = refusalOf(referral, policy, domain)
  if (refusal) return refusal
  return orRefusal((): RecordingWish | Refusal => {
    const { request, initiator, referTo } = referral
    const params = readHistoryParams(request.uri)
    if (params.isTypeUnknown) return { status: 400, reason: 'Parameter history-type is not session, pager or all' }
    const referredBy = referrer(request)
    const isHidden = isAnonymous(request)
    const privacy = value(request, 'privacy')
    const named = fromAddress(request).uri
    // RFC 3323 4.1.1.3: a name that was hidden from us is shown to nobody.
    const from = isNobody(named) ? named : initiator
    return {
      initiator,
      requestUri: withHistoryParams(referTo, params.raw),
      conference: addressOfRecord(referTo),
      ...(params.filename !== undefined && { recordingName: params.filename }),
      from: `<${from}>`,
      isAnonymous: isHidden,
      ...(privacy !== undefined && { privacy }),
      ...(referredBy !== undefined && { referredBy }),
    }
  })
}

/** RFC 3892 2.1: one address, in one header. Throws SipSyntaxError. */
function referrer(request: SipRequest): string | undefined {
  const [text, another] = values(request, 'referred-by')
  if (another !== undefined) throw new SipSyntaxError(400, 'More than one Referred-By header')
  if (text !== undefined) parseNameAddr(text, 'Referred-By')
  return text
}

/** RFC 3323 4.1.1.3. */
function isNobody(uri: string): boolean {
  const { scheme, host } = parseUri(uri)
  return (scheme === 'sip' || scheme === 'sips') && host === 'anonymous.invalid'
}

function refusalOf(referral: Referral, policy: RecordingPolicy, domain: Domain): Answer | undefined {
  if (!policy.isEnabled) return { status: 403, reason: 'History Is Switched Off' }
  return orUndefined(() => {
    if (!isForHistory(referral, policy, domain)) return { status: 403, reason: 'Not Your History' }
    // What is under way may always be ended.
    return referral.method === 'INVITE' ? mayBeCalled(referral.referTo, policy, domain) : undefined
  })
}

/** HIS-REF-07: of whom the history is, the Request-URI says; nobody writes into that of somebody else. */
function isForHistory({ request, initiator }: Referral, policy: RecordingPolicy, domain: Domain): boolean {
  const { uri } = request
  const isFunction = addressOfRecord(uri) === addressOfRecord(policy.functionUri)
  return isFunction || (domain.userOf(uri) === initiator && readHistoryParams(uri).raw !== '')
}

/** HIS-REF-06: 403 to what is no conference of the administrator's choice, and to what would be a call of this box to itself. */
function mayBeCalled(uri: string, policy: RecordingPolicy, domain: Domain): Answer | undefined {
  const wanted = parseUri(uri)
  if (policy.factoryUri !== '') {
    const factory = parseUri(policy.factoryUri)
    const isThere = addressOfRecord(uri) === addressOfRecord(policy.factoryUri) || wanted.host === factory.host
    return isThere ? undefined : { status: 403, reason: 'Only Conferences of history.conference_factory_uri' }
  }
  if (!policy.areNamesProven) return { status: 403, reason: 'history.conference_factory_uri Is Not Set' }
  const isHere = domain.isOwnHost(wanted.host)
  return isHere && !policy.hasCore ? { status: 403, reason: 'No Conference Here' } : undefined
}

function orUndefined(read: () => Answer | undefined): Answer | undefined {
  const found = orRefusal(() => read() ?? {})
  return 'status' in found ? found : undefined
}

/** Whether a recording is what a REFER to end one means: by its factory or by its session identity, and by name if that is given. */
export function isMeant(referral: Referral, wish: RecordingWish, sessionIdentity: string | undefined): boolean {
  const { initiator, request, referTo } = referral
  if (initiator !== wish.initiator) return false
  const { filename } = readHistoryParams(request.uri)
  if (filename !== undefined && filename !== wish.recordingName) return false
  const meant = addressOfRecord(referTo)
  return meant === wish.conference || (sessionIdentity !== undefined && meant === addressOfRecord(sessionIdentity))
}
