import type { Counters } from '../../base/counters.ts'
import type { Now } from '../../base/time.ts'
import { DEFERRED_LIST_TYPE } from '../../content/deferred-list.ts'
import { RESOURCE_LISTS_TYPE, resourcesListed } from '../../content/resource-lists.ts'
import { type DocumentChange, XCAP_DIFF_TYPE, xcapDiff } from '../../content/xcap-diff.ts'
import {
  CONV_HISTORY,
  DEFERRED_LIST,
  type DocumentName,
  documentPath,
  SERVICE_SETTINGS,
} from '../../content/xcap-names.ts'
import { XmlError } from '../../content/xml-read.ts'
import { bodyOfType } from '../../sip/body-of-type.ts'
import type { Refusal } from '../../sip/refusal.ts'
import type { EventPackage, NotifyBody, NotifyReason, SubscriptionView } from '../../sip/subscription-types.ts'
import type { Subscriptions } from '../../sip/subscriptions.ts'
import { type SipRequest, SipSyntaxError } from '../../sip-parser-lite/message.ts'
import { addressOfRecord } from '../../sip-parser-lite/uri.ts'
import { documentTag } from '../../store/settings.ts'
import type { StoreClient } from '../../store/verbs.ts'
import type { StoreChanges } from '../store-changes.ts'
import { wholeList } from './deferred-list-body.ts'

const XCAP_DIFF = 'xcap-diff'
/** RFC 6080; the second is the older name, which one client of OMA IM uses. */
const PROFILES = ['ua-profile', 'sip-profile'] as const
const EXTERNAL_TYPE = 'message/external-body'

/** RFC 5875 4.10: of one subscription, and a burst of arrivals is told as one change. */
const CHANGE_INTERVAL_MS = 5000
/** What a subscription may ask to be remembered. */
const ASKED_LENGTH_MAX = 4096

const TIMES = { defaultExpiresS: 3600, minExpiresS: 60, maxExpiresS: 86_400, changeIntervalMs: CHANGE_INTERVAL_MS }

interface DocumentChangesOptions {
  readonly store: StoreClient
  readonly subscriptions: Subscriptions
  readonly changes: StoreChanges
  readonly counters: Counters
  /** URL of the XCAP root, with `/` at its end. */
  readonly root: string
  /** Whether the box keeps histories. */
  readonly hasHistory: boolean
}

/** Entity-tags of the documents that a user has, by their kinds; absent: there is none. */
interface Tags {
  readonly list?: string
  readonly history?: string
  readonly settings?: string
}

type Kind = keyof Tags
const NAMES: Record<Kind, DocumentName> = { list: DEFERRED_LIST, history: CONV_HISTORY, settings: SERVICE_SETTINGS }
const KINDS = ['list', 'history', 'settings'] as const

/**
 * Tells subscribers what happened to their documents: by `xcap-diff` (RFC 5875) which ones are others than before, by `ua-profile` and
 * `sip-profile` the deferred list itself.
 */
export class DocumentChanges {
  readonly #store: StoreClient
  readonly #root: string
  readonly #counters: Counters
  readonly #hasHistory: boolean

  constructor({ store, subscriptions, changes, counters, root, hasHistory }: DocumentChangesOptions) {
    this.#store = store
    this.#hasHistory = hasHistory
    this.#root = root
    this.#counters = counters
    subscriptions.register(this.#diffs())
    for (const event of PROFILES) subscriptions.register(this.#profile(event))
    changes.onMailboxChanged((now, aor) => {
      for (const event of [XCAP_DIFF, ...PROFILES]) subscriptions.changed(now, event, aor)
    })
    if (hasHistory) changes.onHistoryChanged((now, aor) => subscriptions.changed(now, XCAP_DIFF, aor))
    changes.onSettingsChanged((now, aor) => subscriptions.changed(now, XCAP_DIFF, aor))
  }

  #diffs(): EventPackage {
    return {
      event: XCAP_DIFF,
      accept: [XCAP_DIFF_TYPE],
      ...TIMES,
      read: request => readAsked(request, this.#root),
      authorise: ownOnly,
      state: (_now, subscription, why, done) =>
        this.#tags(subscription.resource, (then, tags) => {
          if (!tags) return done(then, [])
          const changes = changesFor(subscription, tags, why)
          subscription.note = JSON.stringify(tags)
          done(then, changes ? [{ contentType: XCAP_DIFF_TYPE, body: xcapDiff(this.#root, changes) }] : [])
        }),
    }
  }

  /** RFC 6080 5: a list too long for a NOTIFY is named and not sent, where the subscriber can follow that. */
  #profile(event: string): EventPackage {
    return {
      event,
      accept: [DEFERRED_LIST_TYPE, EXTERNAL_TYPE],
      ...TIMES,
      authorise: ownOnly,
      state: (_now, subscription, why, done) => {
        const { resource } = subscription
        this.#store.ask('mailbox.version', { aor: resource }, (then, result) => {
          const version = 'failure' in result ? undefined : result.value?.version
          const isKnown = (why === 'change' || why === 'restored') && version === subscription.note
          if (version === undefined || isKnown) return done(then, [])
          wholeList(this.#store, resource, (later, list) => {
            if (list) subscription.note = version
            done(later, list ? this.#profileBody(subscription, list) : [])
          })
        })
      },
    }
  }

  #profileBody({ accept, resource }: SubscriptionView, list: Buffer | 'too long'): NotifyBody[] {
    if (list !== 'too long' && accept.includes(DEFERRED_LIST_TYPE))
      return [{ contentType: DEFERRED_LIST_TYPE, body: list }]
    if (!accept.includes(EXTERNAL_TYPE)) {
      this.#counters.count('profiles_too_long')
      return []
    }
    const url = this.#root + documentPath(DEFERRED_LIST, resource)
    // RFC 4483 5: the headers of what is there stand in the body.
    const body = Buffer.from(`Content-Type: ${DEFERRED_LIST_TYPE}\r\n\r\n`)
    return [{ contentType: `${EXTERNAL_TYPE}; access-type="URL"; URL="${url}"`, body }]
  }

  #tags(aor: string, done: (now: Now, tags: Tags | undefined) => void): void {
    this.#store.ask('mailbox.version', { aor }, (_now, version) => {
      this.#store.ask('settings.get', { aor }, (then, settings) => {
        if ('failure' in version || 'failure' in settings) return done(then, undefined)
        const stored = settings.value?.stored
        const tags = {
          ...(version.value && { list: version.value.version }),
          ...(stored && { settings: documentTag(stored) }),
        }
        if (this.#hasHistory) this.#withHistory(aor, tags, done)
        else done(then, tags)
      })
    })
  }

  #withHistory(aor: string, tags: Tags, done: (now: Now, tags: Tags | undefined) => void): void {
    this.#store.ask('history.summary', { aor }, (now, summary) => {
      if ('failure' in summary) return done(now, undefined)
      done(now, { ...tags, ...(summary.value && { history: summary.value.version }) })
    })
  }
}

const ownOnly: EventPackage['authorise'] = (now, { subscriber, resource }, done) =>
  done(now, subscriber === resource ? 'active' : { status: 403 })

/** RFC 5875 4.4: URIs of documents or of collections of them; without a body all that the user has. */
function readAsked(request: SipRequest, root: string): string | Refusal {
  if (request.body.length === 0) return ''
  const list = bodyOfType(request, RESOURCE_LISTS_TYPE)
  if (!list) return { status: 415, headers: [['Accept', RESOURCE_LISTS_TYPE]] }
  try {
    const asked = resourcesListed(list)
      .map(uri => checkedUri(uri.startsWith(root) ? uri.slice(root.length) : uri))
      .join('\n')
    return asked.length > ASKED_LENGTH_MAX ? { status: 413 } : asked || '-'
  } catch (error) {
    if (error instanceof XmlError) return { status: 400, reason: 'Malformed resource-lists' }
    if (error instanceof URIError) return { status: 400, reason: 'Malformed URI in resource-lists' }
    throw error
  }
}

/** Throws URIError. */
function checkedUri(uri: string): string {
  decodeURIComponent(uri)
  if (!/^[\x21-\x7e]*$/.test(uri)) throw new URIError('a character that has to be escaped')
  return uri
}

/** Undefined: nothing to be told. A change is told against what was told last, everything else as it stands. */
function changesFor(
  { asked, note, resource }: SubscriptionView,
  tags: Tags,
  why: NotifyReason,
): readonly DocumentChange[] | undefined {
  const isChange = why === 'change' || why === 'restored'
  const told: Tags = isChange && note !== '' ? JSON.parse(note) : {}
  const wanted = KINDS.filter(kind => isAsked(asked, NAMES[kind], resource))
  const changed = wanted.filter(kind => (isChange ? tags[kind] !== told[kind] : tags[kind] !== undefined))
  if (isChange && changed.length === 0) return undefined
  return changed.map(kind => ({
    selector: spelled(asked, NAMES[kind], resource),
    ...(told[kind] !== undefined && { before: told[kind] }),
    ...(tags[kind] !== undefined && { after: tags[kind] }),
  }))
}

const isAsked = (asked: string, name: DocumentName, resource: string): boolean =>
  asked === '' || asked.split('\n').some(uri => isWithin(uri, name, resource))

/** RFC 5875 4.6: octet by octet as it was asked for, unless by its collection or not at all. */
function spelled(asked: string, name: DocumentName, resource: string): string {
  const uri = asked.split('\n').find(each => !/^$|\/$/.test(each) && isWithin(each, name, resource))
  return uri === undefined ? documentPath(name, resource) : pathIn(uri)
}

const pathIn = (uri: string): string => uri.split('/~~/', 1)[0]!

/** RFC 5875 4.4: a document, a part of it, or a collection that it is in, whose URI ends with `/`. */
function isWithin(uri: string, { auid, document }: DocumentName, resource: string): boolean {
  const segments = pathIn(uri).split('/')
  const names = [auid, 'users', resource, document]
  const isCollection = segments.at(-1) === ''
  const given = isCollection ? segments.slice(0, -1) : segments
  if (isCollection ? given.length >= names.length : given.length !== names.length) return false
  return given.every((segment, at) => (at === 2 ? isUser(segment, resource) : segment === names[at]))
}

function isUser(segment: string, resource: string): boolean {
  try {
    return addressOfRecord(decodeURIComponent(segment)) === resource
  } catch (error) {
    if (error instanceof URIError || error instanceof SipSyntaxError) return false
    throw error
  }
}
