import type { ChosenSettings } from '../base/service-settings.ts'
import { openFields, type Reader, writer } from './record-bytes.ts'
import type { PublishedSettings, SettingsRecord, StoredSettings } from './settings.ts'

export function encodeSettings(key: string, { version, stored, published }: SettingsRecord): Buffer {
  writer
    .begin()
    .u48(version)
    .u8(stored ? 1 : 0)
  if (stored) writeStored(stored)
  writer.u8(published.length)
  for (const one of published) {
    writeStored(one)
    writer.text(one.etag).text(one.publisher).text(one.contentType).u48(one.expiresAt)
  }
  return writer.finish(key)
}

export function decodeSettings(key: string, record: Buffer): SettingsRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const version = fields.u48()
  const stored = fields.u8() === 1 ? readStored(fields) : undefined
  const published = Array.from({ length: fields.u8() }, () => readPublished(fields))
  return { version, ...(stored && { stored }), published }
}

/** One character of latin1 for each byte, so that a document comes back as it was whatever is in it. */
function writeStored({ revision, modifiedAt, chosen, document }: StoredSettings): void {
  writer.u48(revision).u48(modifiedAt).text(JSON.stringify(chosen)).text(document.toString('latin1'))
}

const readStored = (fields: Reader): StoredSettings => ({
  revision: fields.u48(),
  modifiedAt: fields.wall(),
  chosen: JSON.parse(fields.text()) as ChosenSettings,
  document: Buffer.from(fields.text(), 'latin1'),
})

const readPublished = (fields: Reader): PublishedSettings => ({
  ...readStored(fields),
  etag: fields.text(),
  publisher: fields.text(),
  contentType: fields.text(),
  expiresAt: fields.wall(),
})
