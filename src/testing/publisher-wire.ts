import { silentLog } from '../base/log.ts'
import type { LoadedPublications, PublicationLimits, PublicationPackage } from '../sip/publication-types.ts'
import { PUBLICATION_LIMITS, Publications } from '../sip/publications.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { headerOf } from './session-wire.ts'
import { ALICE, SipWire } from './sip-wire.ts'

export const BOB = 'sip:bob@example.org'

export interface Publish {
  readonly etag?: string
  readonly expires?: number | string
  readonly body?: string
  readonly headers?: readonly string[]
  readonly event?: string
}

interface Answer {
  readonly status: number
  readonly etag: string
  readonly text: string
}

interface Options {
  readonly run?: number
  readonly package?: Partial<PublicationPackage>
  readonly limits?: Partial<PublicationLimits>
  readonly kept?: Map<string, LoadedPublications>
}

/** An event state compositor over a real transaction layer, with a store that compares and sets. */
export class PublisherWire {
  readonly wire: SipWire
  readonly publications: Publications
  readonly kept: Map<string, LoadedPublications>
  /** `published a b`: what happened, and the bodies that are there now. */
  readonly changes: string[] = []
  publisher = BOB
  resource = BOB
  /** Runs before the next save, as another device does that was faster. */
  meanwhile: (() => void) | undefined
  failure: string | undefined
  #seq = 0

  constructor(options: Options = {}, wire = new SipWire()) {
    this.wire = wire
    this.kept = options.kept ?? new Map([[BOB, { version: 0, publications: [] }]])
    const { timers, counters } = wire
    this.publications = new Publications({
      timers,
      counters,
      entropy: new SeededEntropy(options.run ?? 1),
      log: silentLog,
      limits: { ...PUBLICATION_LIMITS, ...options.limits },
    })
    this.publications.register({
      event: 'settings',
      accept: ['application/settings+xml'],
      defaultExpiresS: 3600,
      minExpiresS: 60,
      maxExpiresS: 7200,
      bodyBytesMax: 100,
      publicationsMax: 3,
      authorise: (resource, publisher) => (resource === publisher ? undefined : { status: 403 }),
      check: ({ body }) => (body.includes('bad') ? { status: 400, reason: 'Malformed settings, line 1' } : undefined),
      load: (now, resource, done) => done(now, this.failure ? { failure: this.failure } : this.#load(resource)),
      save: (now, resource, version, publications, done) => {
        const run = this.meanwhile
        this.meanwhile = undefined
        run?.()
        const kept = this.kept.get(resource)
        if (!kept) return done(now, 'unknown')
        if (kept.version !== version) return done(now, 'conflict')
        this.kept.set(resource, { version: version + 1, publications })
        done(now, 'saved')
      },
      changed: (_now, _resource, why, publications) =>
        this.changes.push([why, ...publications.map(({ body }) => body.toString())].join(' ')),
      ...options.package,
    })
    wire.layer.user = {
      onRequest: (now, transaction, request) =>
        this.publications.onPublish(now, transaction, request, { publisher: this.publisher, resource: this.resource }),
      onAck() {},
      onStrayResponse() {},
    }
  }

  /** Sends a PUBLISH and gives its answer. */
  publish({ etag, expires, body = '', headers = [], event = 'settings' }: Publish = {}): Answer {
    const seq = ++this.#seq
    const type =
      body && !headers.some(line => line.startsWith('Content-Type')) ? ['Content-Type: application/settings+xml'] : []
    const lines = [
      'PUBLISH sip:bob@example.org SIP/2.0',
      `Via: SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK-${seq}`,
      'Max-Forwards: 70',
      'From: <sip:bob@example.org>;tag=b',
      'To: <sip:bob@example.org>',
      'Call-ID: publish',
      `CSeq: ${seq} PUBLISH`,
      ...(event === '' ? [] : [`Event: ${event}`]),
      ...(expires === undefined ? [] : [`Expires: ${expires}`]),
      ...(etag === undefined ? [] : [`SIP-If-Match: ${etag}`]),
      ...type,
      ...headers,
      `Content-Length: ${body.length}`,
      '',
      body,
    ]
    this.wire.receive(lines.join('\r\n'), ALICE)
    const answers = this.wire.take().map(({ text }) => text)
    const text = answers[0] ?? ''
    return {
      status: answers.length === 1 ? Number(text.slice(8, 11)) : 0,
      etag: headerOf(text, 'SIP-ETag') ?? '',
      text,
    }
  }

  get bodies(): string[] {
    return this.kept.get(BOB)!.publications.map(({ body }) => body.toString())
  }

  pass(ms: number): void {
    this.wire.runTo(this.wire.now.at + ms)
  }

  #load(resource: string): LoadedPublications | 'unknown' {
    return this.kept.get(resource) ?? 'unknown'
  }
}
