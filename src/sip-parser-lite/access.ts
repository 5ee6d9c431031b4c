import { bytesOf, elementEnd, splitList, unfold } from './chars.ts'
import type { HeaderField, SipMessage, SipRequest, SipResponse } from './message.ts'
import { field, headerKey, isListHeader } from './names.ts'
import { firstField } from './typed.ts'

/** `key` is a lower-case long form everywhere here, `name` any spelling. */

/** First value of that header, unfolded: of a list header its first element. An empty list header has none. */
export function value(message: SipMessage, key: string): string | undefined {
  const found = firstField(message, key)
  if (!found) return undefined
  if (!isListHeader(key)) return unfold(found.value)
  return values(message, key)[0]
}

/** Every value of that header in order, unfolded, comma lists split where the header is a list. */
export function values(message: SipMessage, key: string): string[] {
  const isList = isListHeader(key)
  const all: string[] = []
  for (const candidate of message.headers) {
    if (candidate.key !== key) continue
    const text = unfold(candidate.value)
    if (isList) all.push(...splitList(text))
    else all.push(text)
  }
  return all
}

export const has = (message: SipMessage, key: string): boolean => firstField(message, key) !== undefined

/** Before every header of that name, or before all headers if there is none. */
export function addFirst(message: SipMessage, name: string, text: string): void {
  const key = headerKey(name)
  const index = message.headers.findIndex(candidate => candidate.key === key)
  message.headers.splice(Math.max(index, 0), 0, field(name, text))
}

/** After all headers. */
export function addLast(message: SipMessage, name: string, text: string): void {
  message.headers.push(field(name, text))
}

/** Replaces every header of that name by one, in the place of the first; last if there was none. */
export function set(message: SipMessage, name: string, text: string): void {
  const key = headerKey(name)
  const index = message.headers.findIndex(candidate => candidate.key === key)
  if (index < 0) {
    addLast(message, name, text)
    return
  }
  message.headers[index] = field(name, text)
  message.headers = message.headers.filter((candidate, at) => at <= index || candidate.key !== key)
}

export function remove(message: SipMessage, key: string): void {
  message.headers = message.headers.filter(candidate => candidate.key !== key)
}

/** Takes away the first element of that list header; the other elements of its line stay as they are. */
export const removeFirst = (message: SipMessage, key: string): void => replaceFirst(message, key, undefined)

/** Puts `text` in the place of the first element of that list header, e.g. a Via with received and rport. */
export function replaceFirst(message: SipMessage, key: string, text: string | undefined): void {
  const index = message.headers.findIndex(candidate => candidate.key === key)
  const found = message.headers[index]
  if (!found) return
  const rest = isListHeader(key) ? afterFirst(found) : ''
  const parts = [text ?? '', rest].filter(part => part !== '')
  if (parts.length > 0) message.headers[index] = field(found.name, parts.join(', '))
  else message.headers.splice(index, 1)
}

function afterFirst(found: HeaderField): string {
  const text = unfold(found.value)
  return text.slice(elementEnd(bytesOf(text), 0, text.length) + 1).trim()
}

/** A request with headers of its own; fields and body are values and shared. */
export const cloneRequest = (request: SipRequest): SipRequest => ({ ...request, headers: request.headers.slice() })
export const cloneResponse = (response: SipResponse): SipResponse => ({
  ...response,
  headers: response.headers.slice(),
})
