/** Lines of a mail (RFC 5322, 2045, 2047) out of text that anybody may have written. Text is latin1 of what mostly is UTF-8. */

/** RFC 2047 2: an encoded word has 75 characters at most. */
const WORD_BYTES_MAX = 45
/** Longer ones are cut: RFC 5322 2.1.1 has 998 characters for a line. */
const TEXT_BYTES_MAX = 600
const ADDRESS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}@[A-Za-z0-9.-]{1,200}$/

/** 76 characters of base64. */
const LINE_BYTES = 57

/** One line; nothing where there is no value. */
export const mailHeader = (name: string, value: string | undefined): string =>
  value === undefined || value === '' ? '' : `${name}: ${value}\n`

/** Unstructured text, as it is where it is plain, else in encoded words. */
export function mailText(text: string): string {
  const bytes = Buffer.from(text, 'latin1').subarray(0, TEXT_BYTES_MAX)
  if (/^[\x20-\x7e]*$/.test(text) && text.length <= TEXT_BYTES_MAX && !text.includes('=?')) return text.trim()
  const shown = bytes.toString('utf8').replace(/[\x00-\x1f\x7f-\x9f]/g, ' ')
  const words: string[] = []
  let word = ''
  for (const character of shown) {
    if (Buffer.byteLength(word + character) > WORD_BYTES_MAX) {
      words.push(word)
      word = ''
    }
    word += character
  }
  words.push(word)
  return words.map(one => `=?UTF-8?B?${Buffer.from(one).toString('base64')}?=`).join('\n ')
}

/** A SIP or other URI as the address of a mail, with the URI itself as the name. */
export function mailbox(uri: string): string {
  if (uri === 'anonymous') return 'Anonymous <anonymous@anonymous.invalid>'
  const name = /^[\x21\x23-\x5b\x5d-\x7e]{1,300}$/.test(uri) ? `"${uri}"` : mailText(uri)
  return `${name} <${address(uri)}>`
}

/** `user@host` where the URI has such, else an address that nobody has (RFC 2606). */
export function address(uri: string): string {
  const plain = uri.replace(/^sips?:/i, '').replace(/[;?].*$/s, '')
  return ADDRESS.test(plain) && !/\.\.|^\.|\.@/.test(plain) ? plain : 'unknown@address.invalid'
}

/** RFC 5322 3.3, UTC. */
export const mailDate = (at: number): string => new Date(at).toUTCString().replace('GMT', '+0000')

/** RFC 4155: the line that begins a message, with the time in UTC as asctime has it. */
export function fromLine(sender: string, at: number): string {
  const [, day, date, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(at).toUTCString())!
  const sentBy = sender === 'anonymous' ? 'anonymous@anonymous.invalid' : address(sender)
  return `From ${sentBy} ${day} ${month} ${date!.replace(/^0/, ' ')} ${time} ${year}\n`
}

/** Octets as lines of base64, however they come. */
export class Base64Lines {
  #rest: Buffer = Buffer.alloc(0)

  push(bytes: Buffer): string {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const until = all.length - (all.length % LINE_BYTES)
    this.#rest = all.subarray(until)
    return all.toString('base64', 0, until).replace(/.{76}/g, '$&\n')
  }

  end(): string {
    const last = this.#rest.toString('base64')
    this.#rest = Buffer.alloc(0)
    return last === '' ? '' : `${last}\n`
  }
}
