import { Buffer } from 'node:buffer'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { encodeMessage } from '../encode.ts'
import { parseMessage } from '../parse.ts'
import { SipStream } from '../stream.ts'
import { callId, cseq, fromTag, topVia, toTag } from '../typed.ts'

/**
 * Messages per second, ours and those of npm in turns: `node bench/parse.ts [rounds]`. SIPMODS names a folder with
 * node_modules/sip and node_modules/drachtio-sip; without it only ours is measured. The best round is what the code
 * can do, the median what it did on this machine just now; only ratios of one run mean anything.
 */
const ROUNDS = Number(process.argv[2] ?? 60)
const BATCH = 500

const MESSAGE = [
  'MESSAGE sip:bob@example.org SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---abc;rport',
  'Max-Forwards: 70',
  'From: "Alice" <sip:alice@example.org>;tag=49583',
  'To: <sip:bob@example.org>',
  'Call-ID: asd88asd77a@192.0.2.10',
  'CSeq: 1 MESSAGE',
  'Contact: <sip:alice@192.0.2.10:5060;transport=udp>',
  'User-Agent: bench',
  'Date: Sat, 13 Nov 2021 23:29:00 GMT',
  'Content-Type: text/plain;charset=UTF-8',
  'Content-Length: 18',
  '',
  'See you on Monday.',
].join('\r\n')

const INVITE = [
  'INVITE sip:bob@example.org SIP/2.0',
  'Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK2d4790.1;received=198.51.100.1',
  'Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK74bf9;rport=5060',
  'Record-Route: <sip:198.51.100.1;lr>',
  'Route: <sip:203.0.113.5;lr>',
  'Max-Forwards: 69',
  'From: Alice <sip:alice@example.org>;tag=9fxced76sl',
  'To: Bob <sip:bob@example.org>',
  'Call-ID: 2xTb9vxSit55XU7p8@example.org',
  'CSeq: 1 INVITE',
  'Contact: <sip:alice@192.0.2.10:5060;ob>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"',
  'Allow: INVITE, ACK, CANCEL, BYE, MESSAGE, OPTIONS, NOTIFY, UPDATE',
  'Supported: replaces, outbound, gruu',
  'Session-Expires: 1800',
  'User-Agent: bench/1.0',
  'Content-Type: application/sdp',
  'Content-Length: 0',
  '',
  '',
].join('\r\n')

type Run = (bytes: Buffer) => number

/** Each reads what a server needs of every message: top Via, both tags, Call-ID and CSeq. */
const ours: Run = bytes => {
  const message = parseMessage(bytes)
  const length = topVia(message).host.length + callId(message).length + cseq(message).seq
  return length + (fromTag(message)?.length ?? 0) + (toTag(message)?.length ?? 0)
}

const onStream = (): Run => {
  const stream = new SipStream()
  return bytes => {
    stream.push(bytes)
    const message = stream.next()
    return message && message !== 'ping' ? message.headers.length : 0
  }
}

const encoding = (text: string): Run => {
  const message = parseMessage(Buffer.from(text))
  return () => encodeMessage(message).length
}

function peers(folder: string | undefined): Record<string, Run> {
  if (!folder) return {}
  const load = createRequire(join(folder, 'peers.js'))
  const found: Record<string, Run> = {}
  for (const [name, make] of Object.entries(PEERS)) {
    try {
      found[name] = make(load)
    } catch {
      console.log(`${name}: not in ${folder}`)
    }
  }
  return found
}

// biome-ignore lint/suspicious/noExplicitAny: packages without types, and none of ours depends on them
type Untyped = any

const PEERS: Record<string, (load: (name: string) => Untyped) => Run> = {
  'npm sip': load => {
    const sip = load('sip')
    return bytes => {
      const { headers } = sip.parse(bytes.toString('latin1'))
      const length = headers.via[0].host.length + headers['call-id'].length + headers.cseq.seq
      return length + (headers.from.params.tag?.length ?? 0) + (headers.to.params.tag?.length ?? 0)
    }
  },
  'npm drachtio-sip': load => {
    const { SipMessage } = load('drachtio-sip')
    return bytes => {
      const message = new SipMessage(bytes.toString('latin1'))
      for (const name of ['via', 'from', 'to', 'cseq']) message.getParsedHeader(name)
      return message.get('call-id').length
    }
  },
}

function rates(runs: Record<string, Run>, bytes: Buffer): Map<string, number[]> {
  const all = new Map<string, number[]>()
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const started = process.hrtime.bigint()
      for (let count = 0; count < BATCH; count++) run(bytes)
      const seconds = Number(process.hrtime.bigint() - started) / 1e9
      all.set(name, [...(all.get(name) ?? []), BATCH / seconds])
    }
  }
  return all
}

function report(title: string, text: string): void {
  const bytes = Buffer.from(text, 'latin1')
  const runs = { parse: ours, 'parse, stream': onStream(), encode: encoding(text), ...peers(process.env.SIPMODS) }
  const all = rates(runs, bytes)
  const medianOf = (name: string): number => sorted(all.get(name)!)[ROUNDS >> 1]!
  console.log(`${title}, ${bytes.length} bytes`)
  for (const [name, list] of all) {
    const cells = [name.padEnd(18), thousands(Math.max(...list)), thousands(medianOf(name))]
    console.log(`  ${cells.join('')}   parse is ${(medianOf('parse') / medianOf(name)).toFixed(2)} of it`)
  }
}

const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b)
const thousands = (rate: number): string => `${(rate / 1000).toFixed(1)} k/s`.padStart(12)

console.log(`node ${process.version}; best, median of ${ROUNDS} rounds of ${BATCH}`)
report('MESSAGE', MESSAGE)
report('INVITE', INVITE)
