import { Messager, Registerer, RegistererState, Subscriber, UserAgent } from 'sip.js'
import { DOMAIN, passwordOf } from './box.ts'
import { type Client, type ClientOptions, REGISTER_MS } from './client.ts'
import { until } from './until.ts'

const SEND_MS = 40_000
const RECONNECT_MS = 500

/** SIP.js 0.21 over the WebSocket that Node.js has. */
export class SipJsClient implements Client {
  readonly #agent: UserAgent
  readonly #registerer: Registerer
  readonly #received: string[] = []
  #isLeaving = false
  #subscriber: Subscriber | undefined
  #out = ''

  private constructor({ user, boxPort, transport }: ClientOptions) {
    this.#agent = new UserAgent({
      uri: UserAgent.makeURI(`sip:${user}@${DOMAIN}`)!,
      transportOptions: { server: `${transport}://127.0.0.1:${boxPort}` },
      authorizationUsername: user,
      authorizationPassword: passwordOf(user),
      logBuiltinEnabled: false,
      delegate: {
        onMessage: message => {
          this.#received.push(message.request.body)
          void message.accept()
        },
        onConnect: () => void this.#registerer.register(),
        onDisconnect: () => this.#reconnect(),
      },
    })
    this.#registerer = new Registerer(this.#agent)
    this.#registerer.stateChange.addListener(state => void (this.#out += `${state} `))
    void this.#agent.start()
  }

  static start(options: ClientOptions): SipJsClient {
    return new SipJsClient(options)
  }

  get out(): string {
    return this.#out
  }

  async registered(): Promise<void> {
    await until(`SIP.js is registered: ${this.out}`, REGISTER_MS, () => this.#isRegistered)
  }

  async send(user: string, text: string): Promise<void> {
    await this.registered()
    let answer: number | undefined
    const messager = new Messager(this.#agent, UserAgent.makeURI(`sip:${user}@${DOMAIN}`)!, text)
    const take = ({ message }: { message: { statusCode?: number } }): void => void (answer = message.statusCode)
    await messager.message({ requestDelegate: { onAccept: take, onReject: take } })
    const status = await until(`an answer to the MESSAGE of SIP.js: ${this.out}`, SEND_MS, () => answer)
    if (status >= 300) throw new Error(`refused: ${status}`)
  }

  /** Subscribes to its user's message waiting; gives the bodies that it is told, as they come. */
  async watch(user: string): Promise<readonly string[]> {
    const told: string[] = []
    const subscriber = new Subscriber(this.#agent, UserAgent.makeURI(`sip:${user}@${DOMAIN}`)!, 'message-summary', {
      delegate: {
        onNotify: notification => {
          told.push(notification.request.body)
          void notification.accept()
        },
      },
    })
    this.#subscriber = subscriber
    await subscriber.subscribe()
    return told
  }

  hasReceived(text: string): boolean {
    return this.#received.includes(text)
  }

  async leave(): Promise<void> {
    if (this.#isLeaving) return
    this.#isLeaving = true
    const isWatching = this.#subscriber !== undefined
    // Else the timer of its next refresh keeps the process.
    await this.#subscriber?.unsubscribe()
    await until('SIP.js is not subscribed any more', REGISTER_MS, () => this.#subscriber?.state !== 'Subscribed')
    if (this.#isRegistered) {
      await this.#registerer.unregister()
      await until('SIP.js is not registered any more', REGISTER_MS, () => !this.#isRegistered)
    }
    // With a subscription its stop waits for ever, also where that has ended by a NOTIFY.
    if (isWatching) await this.#agent.transport.dispose()
    else await this.#agent.stop()
  }

  get #isRegistered(): boolean {
    return this.#agent.isConnected() && this.#registerer.state === RegistererState.Registered
  }

  /** As its guide has applications do it. */
  #reconnect(): void {
    if (this.#isLeaving) return
    setTimeout(() => void this.#agent.reconnect().catch(() => this.#reconnect()), RECONNECT_MS)
  }
}
