import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { readCpim } from './cpim-read.ts'
import { encodeImdn, receiptAsked } from './imdn.ts'

const asking = (disposition: readonly string[], more: readonly string[] = []) =>
  Buffer.from(
    [
      'From: "Al & Co" <sip:alice@example.org>',
      'To: <im:bob@example.org>',
      'NS: imdn <urn:ietf:params:imdn>',
      'imdn.Message-ID: 34jk324j&<x>',
      'DateTime: 2026-04-04T12:16:49-05:00',
      ...disposition.map(value => `imdn.Disposition-Notification: ${value}`),
      ...more,
      '',
      'Content-Type: text/plain',
      '',
      'hello',
    ].join('\r\n'),
  )

const asked = (disposition: readonly string[], change = (text: string) => text) =>
  receiptAsked(readCpim(Buffer.from(change(asking(disposition).toString())))!)

t.test('RFC 5438 6.2: what an intermediary may tell is what was asked of it', async t => {
  t.match(asked(['processing']), { wantsStored: true, wantsFailed: false })
  t.match(asked(['positive-delivery, negative-delivery']), { wantsStored: false, wantsFailed: true })
  t.match(asked(['display', 'negative-delivery,processing;x=y']), { wantsStored: true, wantsFailed: true })
  t.equal(asked(['positive-delivery, display']), undefined, 'nothing that we may tell')
  t.equal(asked([]), undefined)
  t.equal(asked(['PROCESSING']), undefined, 'case-sensitive')
})

t.test('what is needed to tell it, as the sender wrote it', async t => {
  t.same(asked(['processing']), {
    messageId: '34jk324j&<x>',
    dateTime: '2026-04-04T12:16:49-05:00',
    from: '"Al & Co" <sip:alice@example.org>',
    to: '<im:bob@example.org>',
    wantsStored: true,
    wantsFailed: false,
  })
  t.equal(asked(['processing'], text => text.replace(/DateTime: .*/, 'DateTime: <b>'))?.dateTime, undefined)
})

t.test('without an id or parties that can be named nothing can be told', async t => {
  const without = (change: (text: string) => string) => asked(['processing'], change)
  t.equal(
    without(text => text.replace(/imdn.Message-ID: .*\r\n/, '')),
    undefined,
  )
  t.equal(
    without(text => text.replace(/(imdn.Message-ID: ).*/, '$1two words')),
    undefined,
  )
  t.equal(
    without(text => text.replace(/(imdn.Message-ID: ).*/, `$1${'x'.repeat(257)}`)),
    undefined,
  )
  t.equal(
    without(text => text.replace(/From: .*\r\n/, '')),
    undefined,
  )
  t.equal(
    without(text => text.replace(/To: .*/, 'To: bob')),
    undefined,
  )
  t.equal(
    without(text => text.replace(/To: </, `To: ${'x'.repeat(1100)} <`)),
    undefined,
  )
})

t.test('RFC 5438 14: a receipt about a receipt is never asked for', async t => {
  t.equal(
    asked(['processing, negative-delivery'], text => text.replace('text/plain', 'Message/IMDN+XML')),
    undefined,
  )
})

t.test(
  'RFC 5438 8, 11: the notification goes the other way, escaped, with the reason where a person sees it',
  async t => {
    const about = { ...asked(['processing'])!, dateTime: '2026-04-04T12:16:49-05:00' }
    const bytes = encodeImdn({
      id: 'failed.1',
      about,
      status: 'failed',
      why: 'not delivered: nobody came for it in time',
      at: Date.UTC(2026, 3, 7) as WallTime,
      recipientUri: 'sip:bob@example.org',
    })
    const xml = [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<imdn xmlns="urn:ietf:params:xml:ns:imdn">',
      '<message-id>34jk324j&amp;&lt;x&gt;</message-id>',
      '<datetime>2026-04-04T12:16:49-05:00</datetime>',
      '<recipient-uri>sip:bob@example.org</recipient-uri>',
      '<original-recipient-uri>im:bob@example.org</original-recipient-uri>',
      '<delivery-notification><status><failed/></status></delivery-notification>',
      '</imdn>',
      '',
    ].join('\r\n')
    t.equal(
      bytes.toString(),
      [
        'From: <im:bob@example.org>',
        'To: "Al & Co" <sip:alice@example.org>',
        'NS: imdn <urn:ietf:params:imdn>',
        'imdn.Message-ID: failed.1',
        'DateTime: 2026-04-07T00:00:00.000Z',
        'Subject: not delivered: nobody came for it in time',
        '',
        'Content-Type: message/imdn+xml',
        'Content-Disposition: notification',
        `Content-Length: ${xml.length}`,
        '',
        xml,
      ].join('\r\n'),
    )
    const head = readCpim(bytes)!
    t.equal(head.mediaType, 'message/imdn+xml')
    t.equal(receiptAsked(head), undefined, 'and asks for nothing')
  },
)

t.test('RFC 5438 8: a list server says whom it was to before', async t => {
  const original = (value: string) =>
    asked(['processing'], text => text.replace('DateTime:', `imdn.Original-To: ${value}\r\nDateTime:`))!
  const about = { ...original('Friends <sip:friends@example.net>'), dateTime: '2026-04-04T12:16:49-05:00' }
  const bytes = encodeImdn({ id: 'x', about, status: 'stored', why: '', at: 0 as WallTime, recipientUri: 'sip:b@b' })
  t.match(bytes.toString(), '<original-recipient-uri>sip:friends@example.net</original-recipient-uri>')
  t.equal(original(`<sip:${'x'.repeat(2000)}@example.net>`).originalTo, undefined)
  t.equal(original('nobody').originalTo, undefined)
})

t.test('RFC 5438: stored is a processing notification', async t => {
  const about = { ...asked(['processing'])!, dateTime: '2026-04-04T12:16:49-05:00' }
  const rest = { id: 'x', about, why: '', at: 0 as WallTime, recipientUri: 'sip:bob@example.org' }
  const text = encodeImdn({ ...rest, status: 'stored' }).toString()
  t.match(text, '<processing-notification><status><stored/></status></processing-notification>')
})
