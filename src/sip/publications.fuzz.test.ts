import fc from 'fast-check'
import t from 'tap'
import { BOB, type Publish, PublisherWire } from '../testing/publisher-wire.ts'

const publish = fc.record({
  which: fc.nat(8),
  isTagged: fc.boolean(),
  expires: fc.constantFrom(undefined, 0, 59, 60, 600, 'x'),
  body: fc.constantFrom('', 'a', 'bad'),
  waitMs: fc.constantFrom(0, 1000, 61_000),
})

/** RFC 3903 6, for what the wire's package takes. */
function expected({ expires, body = '' }: Publish, isTagged: boolean, isGood: boolean): number {
  if (expires === 'x') return 400
  if (expires === 59) return 423
  if (isTagged && !isGood) return 412
  if (isTagged && (expires === 0 || body === '')) return 200
  return body === 'a' ? 200 : 400
}

t.test('whatever is published, exactly the latest tags are good, and in the end nothing is left', async t => {
  fc.assert(
    fc.property(fc.array(publish, { maxLength: 20 }), steps => {
      const peer = new PublisherWire()
      const tags: string[] = ['never']
      const wrong: string[] = []
      for (const { which, isTagged, expires, body, waitMs } of steps) {
        const etag = isTagged ? tags.at(-1 - (which % tags.length)) : undefined
        const isGood = peer.kept.get(BOB)!.publications.some(one => one.etag === etag)
        const sent = { body, ...(etag !== undefined && { etag }), ...(expires !== undefined && { expires }) }
        const answer = peer.publish(sent)
        const status = expected(sent, isTagged, isGood)
        if (answer.status !== status) wrong.push(`${answer.status} in place of ${status}`)
        if (tags.includes(answer.etag)) wrong.push('a tag came twice')
        if (answer.status === 200) tags.push(answer.etag)
        if (peer.bodies.length > 3) wrong.push('too many')
        peer.pass(waitMs)
      }
      for (let rest = 0; rest < 5; rest++) peer.pass(3_600_000)
      return wrong.length === 0 && peer.bodies.length === 0 && peer.wire.running === ''
    }),
    { seed: 20_260, numRuns: 300 },
  )
  t.pass('300 runs')
})
