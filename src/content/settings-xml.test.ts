import fc from 'fast-check'
import t from 'tap'
import { SETTING_NAMES, SETTINGS_BYTES_MAX, type SettingsChange } from '../base/service-settings.ts'
import { changedDocument, readSettings } from './settings-xml.ts'
import { XmlError } from './xml-read.ts'

const NS = 'urn:oma:xml:im:service-settings'

const read = (text: string) => readSettings(Buffer.from(text))
const inRoot = (content: string) => `<im-settings xmlns="${NS}">${content}</im-settings>`
const change = (text: string | undefined, by: SettingsChange) =>
  changedDocument(text === undefined ? undefined : Buffer.from(text), by).toString()

const messageOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof XmlError) return error.message
    throw error
  }
  throw new Error('was taken')
}

const FULL = `<?xml version="1.0" encoding="UTF-8"?>
<s:whatever xmlns:s="${NS}" xmlns:v="urn:vendor">
  <s:service-id>im</s:service-id>
  <s:deferred-settings>
    <s:offline-delivery active = 'False' v:since="2006"/> <!-- kept -->
  </s:deferred-settings>
  <s:hist-settings>
    <s:hist-activation type="session-mode" active="1"/>
    <s:hist-activation active="0"><s:pager-large-mode/></s:hist-activation>
  </s:hist-settings>
  <s:vis-settings><s:vis-status active="True"/></s:vis-settings>
  <v:theme>dark \u00e9</v:theme>
</s:whatever>
`

t.test('DM-DLV-02..04, Appendix E: settings by namespace and local name, whatever the root and the order', async t => {
  t.same(read(FULL), { offlineDelivery: false, sessionHistory: true, pagerHistory: false, visible: true })
  t.same(read(`<deferred-settings xmlns="${NS}"><offline-delivery active="true"/></deferred-settings>`), {
    offlineDelivery: true,
  })
  t.same(read(`<offline-delivery xmlns="${NS}" active="0"/>`), { offlineDelivery: false })
  t.same(read(inRoot('<hist-activation><session-mode active="1"/><pager-large-mode active="0"/></hist-activation>')), {
    sessionHistory: true,
    pagerHistory: false,
  })
  t.same(read(inRoot('<other/>')), {})
  t.same(read(inRoot('<x xmlns="urn:other"><offline-delivery active="maybe"/></x>')), {}, 'of another namespace')
})

t.test('Appendix E: true and false in every spelling that is allowed, and no other', async t => {
  for (const [text, value] of [
    ['true', true],
    ['True', true],
    ['1', true],
    ['false', false],
    ['False', false],
    ['0', false],
    [' true ', true],
  ] as const)
    t.same(read(inRoot(`<offline-delivery active="${text}"/>`)), { offlineDelivery: value }, text)
  for (const text of ['TRUE', 'yes', '', '01'])
    t.match(
      messageOf(() => read(inRoot(`\n<offline-delivery active="${text}"/>`))),
      /^line 2, column 27: active is neither true nor false/,
    )
})

t.test('what is no settings document is told with its place', async t => {
  t.match(
    messageOf(() => read('<a>\n<b></a>')),
    /^line 2, column \d+: /,
  )
  t.match(
    messageOf(() => read('<a/>')),
    /^line 1, column 1: nothing in it is of the namespace/,
  )
  t.match(
    messageOf(() => read(inRoot('\n  <offline-delivery/>'))),
    /^line 2, column 3: <offline-delivery> has no attribute active/,
  )
  t.match(
    messageOf(() => read(inRoot('<offline-delivery active="1"/><offline-delivery active="0"/>'))),
    /says another thing than the one before it/,
  )
  t.match(
    messageOf(() => read(inRoot(' '.repeat(SETTINGS_BYTES_MAX)))),
    /more than 8192 bytes/,
  )
})

t.test('unknown elements, comments and layout survive a change', async t => {
  t.equal(change(FULL, { offlineDelivery: true }), FULL.replace("'False'", "'true'"))
  t.equal(change(FULL, { pagerHistory: true }), FULL.replace('active="0"', 'active="true"'))
  t.equal(change(FULL, {}), FULL)
  t.equal(
    change(FULL, { offlineDelivery: null }),
    FULL.replace(`\n    <s:offline-delivery active = 'False' v:since="2006"/>`, ''),
  )
  const added = change(FULL.replace(/<s:vis-settings.*/, ''), { visible: false })
  t.match(added, `  <vis-settings xmlns="${NS}"><vis-status active="false"/></vis-settings>\n</s:whatever>`)
  t.match(added, '<v:theme>dark \u00e9</v:theme>')
})

t.test('what is not there yet goes where it belongs', async t => {
  t.equal(
    change(undefined, { offlineDelivery: false }),
    `<?xml version="1.0" encoding="UTF-8"?>\n<im-settings xmlns="${NS}">\n  <deferred-settings><offline-delivery active="false"/></deferred-settings>\n</im-settings>\n`,
  )
  t.equal(
    change(`<p:deferred-settings xmlns:p="${NS}"/>`, { offlineDelivery: true }),
    `<p:deferred-settings xmlns:p="${NS}"><p:offline-delivery active="true"/></p:deferred-settings>`,
  )
  t.same(read(change(`<offline-delivery xmlns="${NS}" active="0"/>`, { offlineDelivery: null })), {})
  const two = inRoot('<hist-activation><session-mode active="1"/><pager-large-mode active="0"/></hist-activation>')
  t.same(read(change(two, { sessionHistory: null })), { pagerHistory: false })
})

t.test('any changes to any document: read back as asked, the rest as it was', async () => {
  const wanted = fc.constantFrom(true, false, null, undefined)
  const changes = fc.record({ offlineDelivery: wanted, sessionHistory: wanted, pagerHistory: wanted, visible: wanted })
  const start = fc.constantFrom(
    undefined,
    FULL,
    inRoot(''),
    `<im-settings xmlns="${NS}"/>`,
    `<x><deferred-settings xmlns="${NS}"/></x>`,
    `<offline-delivery xmlns="${NS}" active="0"/>`,
  )
  fc.assert(
    fc.property(start, fc.array(changes, { maxLength: 6 }), (text, steps) => {
      let bytes: Buffer | undefined = text === undefined ? undefined : Buffer.from(text)
      let expected = bytes ? { ...readSettings(bytes) } : {}
      for (const step of steps) {
        const by = Object.fromEntries(Object.entries(step).filter(([, value]) => value !== undefined)) as SettingsChange
        bytes = changedDocument(bytes, by)
        expected = Object.fromEntries(Object.entries({ ...expected, ...by }).filter(([, value]) => value !== null))
        const now = readSettings(bytes)
        for (const name of SETTING_NAMES) if (now[name] !== (expected as typeof now)[name]) return false
      }
      return text !== FULL || bytes!.includes('<v:theme>dark \u00e9</v:theme>')
    }),
  )
})
