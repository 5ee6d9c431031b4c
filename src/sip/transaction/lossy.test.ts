import t from 'tap'
import { udpFlow } from '../../base/flow.ts'
import { responseTo } from '../../sip-parser-lite/respond.ts'
import { SeededEntropy } from '../../testing/seeded-entropy.ts'
import { outgoing, type Sent, SipWire } from '../../testing/sip-wire.ts'
import type { ServerTransaction } from './server-transaction.ts'

const CLIENT = { address: '192.0.2.1', port: 5060 }
const SERVER = { address: '192.0.2.2', port: 5060 }
const REQUESTS = 20
/** Longer than any timer of a transaction that was answered. */
const END_MS = 400_000

interface Packet {
  readonly at: number
  readonly to: SipWire
  readonly text: string
}

/** A client and a server whose datagrams are lost, doubled, late and out of order. */
class LossyPair {
  readonly client = new SipWire({ listeners: [{ transport: 'udp', endpoint: CLIENT }], hostname: CLIENT.address })
  readonly server = new SipWire({ listeners: [{ transport: 'udp', endpoint: SERVER }], hostname: SERVER.address })
  readonly toServer = udpFlow(CLIENT, SERVER)
  readonly #toClient = udpFlow(SERVER, CLIENT)
  readonly #entropy: SeededEntropy
  readonly #loss: number
  #packets: Packet[] = []
  #at = 0

  constructor(seed: number, loss: number) {
    this.#entropy = new SeededEntropy(seed)
    this.#loss = loss
  }

  run(): void {
    while (this.#at < END_MS) {
      this.#carry(this.client.take(), this.server)
      this.#carry(this.server.take(), this.client)
      const next = Math.min(
        this.client.timers.next() ?? END_MS,
        this.server.timers.next() ?? END_MS,
        ...this.#packets.map(({ at }) => at),
        END_MS,
      )
      this.#at = Math.max(this.#at, next)
      this.client.runTo(this.#at)
      this.server.runTo(this.#at)
      this.#deliver()
    }
  }

  #carry(sent: readonly Sent[], to: SipWire): void {
    for (const { text } of sent) {
      for (const chance of [1, 0.2]) {
        if (!this.#entropy.chance(chance) || this.#entropy.chance(this.#loss)) continue
        this.#packets.push({ at: this.#at + 1 + this.#entropy.below(700), to, text })
      }
    }
  }

  #deliver(): void {
    const due = this.#packets.filter(({ at }) => at <= this.#at)
    this.#packets = this.#packets.filter(({ at }) => at > this.#at)
    for (const { to, text } of due) to.receive(text, to === this.server ? this.#toClient : this.toServer)
  }
}

for (const method of ['MESSAGE', 'INVITE']) {
  t.test(
    `RFC 3261 17: ${method} over a bad network is seen once, answered once, and leaves nothing behind`,
    async t => {
      let isAnswered = 0
      for (let seed = 1; seed <= 12; seed++) {
        const pair = new LossyPair(seed, seed / 20)
        const { client, server } = pair
        const seen = new Map<string, number>()
        const finals = Array.from({ length: REQUESTS }, () => 0)
        const answer = (transaction: ServerTransaction, status: number): void => {
          const { request } = transaction
          server.timers.set('test', server.now.at, now =>
            transaction.respond(now, responseTo(request, status, undefined, 'x')),
          )
        }
        server.layer.user = {
          onRequest: (_now, transaction) => {
            seen.set(transaction.id, (seen.get(transaction.id) ?? 0) + 1)
            answer(transaction, method === 'INVITE' ? 486 : 202)
          },
          // One that comes after Timer H or I belongs to nothing any more.
          onAck: () => {},
          onStrayResponse: () => {},
        }
        for (let n = 0; n < REQUESTS; n++) {
          const request = outgoing(method)
          request.headers = request.headers.map(header =>
            header.key === 'call-id' ? { ...header, value: `call-${seed}-${n}` } : header,
          )
          client.layer.request(client.now, request, pair.toServer, {
            onResponse: (_now, { status }) => {
              if (status >= 200) finals[n]!++
              if (status >= 200) isAnswered++
            },
            onTimeout: () => finals[n]!++,
            onTransportError: () => finals[n]!++,
          })
        }
        pair.run()
        t.same([...new Set(finals)], [1], `seed ${seed}: each request ended once`)
        t.same([...new Set(seen.values())], [1], `seed ${seed}: no request went up twice`)
        t.same([client.running, server.running], ['', ''], `seed ${seed}: no timer runs`)
        t.match(client.layer.described(), { clients: {} })
        t.match(server.layer.described(), { servers: { active: {}, completed: 0, completedBytes: 0 } })
      }
      t.ok(isAnswered > 8 * REQUESTS, `${isAnswered} of ${12 * REQUESTS} were answered`)
    },
  )
}
