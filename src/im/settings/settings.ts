import type { Counters } from '../../base/counters.ts'
import { SETTINGS_BYTES_MAX, SETTINGS_PUBLISHED_MAX } from '../../base/service-settings.ts'
import { after, type Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import { readSettings, SETTINGS_TYPES } from '../../content/settings-xml.ts'
import { XmlError } from '../../content/xml-read.ts'
import { currentBindings } from '../../sip/binding.ts'
import type { PublicationPackage, SavedPublication } from '../../sip/publication-types.ts'
import type { Publications } from '../../sip/publications.ts'
import type { Refusal } from '../../sip/refusal.ts'
import type { PublishedSettings, SettingsRecord } from '../../store/settings.ts'
import type { StoreClient } from '../../store/verbs.ts'
import { asReason } from '../answers.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { StoreChanges } from '../store-changes.ts'

/** OMA names no package for it; the second is that of its sister service. Two names of one thing. */
const EVENTS = ['im-settings', 'poc-settings'] as const

/** After a restart a publication may outlive its time by as much; while the box runs a timer of its own ends it. */
const SWEEP_EVERY_MS = 10_000
const SWEEP_BATCH = 256

/**
 * The settings of the users (OMA SIMPLE IM, Appendix E): published by themselves over SIP, and what any change of them, by whatever way
 * it came, means for what waits (DM-DLV-02..04).
 */
export class Settings {
  readonly #store: StoreClient
  readonly #timers: Timers
  readonly #delivery: Delivery
  readonly #publications: Publications
  readonly #counters: Counters
  readonly #isPushActive: boolean

  constructor(options: {
    store: StoreClient
    timers: Timers
    delivery: Delivery
    publications: Publications
    changes: StoreChanges
    counters: Counters
    /** For users who never decided it. */
    isPushActive: boolean
  }) {
    this.#store = options.store
    this.#timers = options.timers
    this.#delivery = options.delivery
    this.#publications = options.publications
    this.#counters = options.counters
    this.#isPushActive = options.isPushActive
    for (const event of EVENTS) this.#publications.register(settingsPackage(event, options.store))
    options.changes.onSettingsChanged((_now, aor) => this.#changed(aor))
  }

  start(now: Now): void {
    this.#sweep(now)
  }

  /** What stands is read again each time, so that of changes in a row the last one counts, whichever is looked at last. */
  #changed(aor: string): void {
    this.#counters.count('settings_changed')
    this.#store.ask('locate', { aor }, (now, result) => {
      if ('failure' in result) return this.#again(now, () => this.#changed(aor))
      const { bindings, waiting, offlineDelivery } = result.value
      if (!(offlineDelivery ?? this.#isPushActive)) this.#delivery.switchedOff(now, aor)
      else if (waiting > 0 && currentBindings(bindings, now).length > 0) this.#delivery.pushNow(aor)
    })
  }

  /** Ends publications whose time came while the box was off, or of which there were too many to have a timer each. */
  #sweep(now: Now): void {
    const rest = (then: Now): void => this.#again(then, later => this.#sweep(later))
    if (!now.isWallTrusted) return rest(now)
    this.#store.ask('settings.expired', { at: now.wall, limit: SWEEP_BATCH }, (then, result) => {
      if (!('failure' in result)) for (const aor of result.value) this.#publications.expire(then, EVENTS[0], aor)
      rest(then)
    })
  }

  #again(now: Now, run: (now: Now) => void): void {
    this.#timers.set('settings', after(now, SWEEP_EVERY_MS), run)
  }
}

/** RFC 3903 over the record of settings. */
function settingsPackage(event: string, store: StoreClient): PublicationPackage {
  return {
    event,
    accept: SETTINGS_TYPES,
    defaultExpiresS: 3600,
    minExpiresS: 60,
    maxExpiresS: 7 * 86_400,
    bodyBytesMax: SETTINGS_BYTES_MAX,
    publicationsMax: SETTINGS_PUBLISHED_MAX,
    authorise: (resource, publisher) => (resource === publisher ? undefined : { status: 403 }),
    check: ({ body }) => settingsError(body),
    load: (_now, aor, done) =>
      store.ask('settings.get', { aor }, (then, result) => {
        if ('failure' in result) return done(then, { failure: result.detail })
        if (!result.value) return done(then, 'unknown')
        done(then, { version: result.value.version, publications: result.value.published.map(asPublication) })
      }),
    save: (_now, aor, version, publications, done) =>
      store.ask('settings.get', { aor }, (then, result) => {
        if ('failure' in result) return done(then, { failure: result.detail })
        if (!result.value) return done(then, 'unknown')
        if (result.value.version !== version) return done(then, 'conflict')
        const settings = withPublished(result.value, publications)
        store.ask('settings.put', { aor, version, settings }, (later, put) =>
          done(later, 'failure' in put ? { failure: put.detail } : put.value),
        )
      }),
    // The write itself was seen.
    changed: () => {},
  }
}

function settingsError(body: Buffer): Refusal | undefined {
  try {
    readSettings(body)
    return undefined
  } catch (error) {
    if (error instanceof XmlError) return { status: 400, reason: asReason(error.message) }
    throw error
  }
}

const asPublication = (published: PublishedSettings): SavedPublication => {
  const { etag, publisher, contentType, document: body, modifiedAt, expiresAt } = published
  return { etag, publisher, contentType, body, modifiedAt, expiresAt }
}

/** What is there already keeps its place among the writes: a refresh is none. */
function withPublished(
  { version, stored, published }: SettingsRecord,
  publications: readonly SavedPublication[],
): Omit<SettingsRecord, 'version'> {
  const entries = publications.map(({ body, ...rest }) => {
    const before = published.find(
      one => one.modifiedAt === rest.modifiedAt && one.publisher === rest.publisher && one.document.equals(body),
    )
    return { ...rest, document: body, chosen: readSettings(body), revision: before?.revision ?? version + 1 }
  })
  return { ...(stored && { stored }), published: entries }
}
