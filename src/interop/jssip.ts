import JsSIP from 'jssip'
import { DOMAIN, passwordOf } from './box.ts'
import { type Client, type ClientOptions, REGISTER_MS } from './client.ts'
import { until } from './until.ts'

/** Its own wait for an answer (Timer F), and some. */
const SEND_MS = 40_000

interface NewMessage {
  readonly originator: string
  readonly request: { readonly body: string }
}

/** JsSIP 3.13 over the WebSocket that Node.js has, with its default settings. */
export class JsSipClient implements Client {
  readonly #agent: InstanceType<typeof JsSIP.UA>
  readonly #received: string[] = []
  #out = ''
  #endWatch = async (): Promise<void> => {}

  private constructor(options: ClientOptions) {
    const socket = new JsSIP.WebSocketInterface(`${options.transport}://127.0.0.1:${options.boxPort}`)
    this.#agent = new JsSIP.UA({
      sockets: [socket],
      uri: `sip:${options.user}@${DOMAIN}`,
      password: passwordOf(options.user),
    })
    for (const event of ['connected', 'disconnected', 'registered', 'unregistered', 'registrationFailed'] as const)
      this.#agent.on(event, () => void (this.#out += `${event} `))
    this.#agent.on('newMessage', (message: NewMessage) => {
      if (message.originator === 'remote') this.#received.push(message.request.body)
    })
    this.#agent.start()
  }

  static start(options: ClientOptions): JsSipClient {
    return new JsSipClient(options)
  }

  get out(): string {
    return this.#out
  }

  async registered(): Promise<void> {
    await until(`JsSIP is registered: ${this.out}`, REGISTER_MS, () => this.#agent.isRegistered())
  }

  /** It connects again by itself after the box was away. */
  async send(user: string, text: string): Promise<void> {
    await this.registered()
    let answer: string | undefined
    this.#agent.sendMessage(`sip:${user}@${DOMAIN}`, text, {
      eventHandlers: {
        succeeded: () => void (answer = 'taken'),
        failed: ({ cause }: { cause?: unknown }) => void (answer = `refused: ${cause}`),
      },
    })
    const outcome = await until(`an answer to the MESSAGE of JsSIP: ${this.out}`, SEND_MS, () => answer)
    if (outcome !== 'taken') throw new Error(outcome)
  }

  /** Subscribes to its user's message waiting; gives the bodies that it is told, as they come. */
  async watch(user: string): Promise<readonly string[]> {
    const told: string[] = []
    const subscriber = this.#agent.subscribe(
      `sip:${user}@${DOMAIN}`,
      'message-summary',
      'application/simple-message-summary',
      { expires: 3600 },
    )
    subscriber.on('notify', (_isFinal, _request, body) => void told.push(body ?? ''))
    let hasEnded = false
    subscriber.on('terminated', () => void (hasEnded = true))
    this.#endWatch = async () => {
      subscriber.terminate()
      await until('JsSIP is not subscribed any more', REGISTER_MS, () => hasEnded)
    }
    subscriber.subscribe()
    return told
  }

  hasReceived(text: string): boolean {
    return this.#received.includes(text)
  }

  /** It de-registers and closes its WebSocket. */
  async leave(): Promise<void> {
    // Else the timer of its next refresh keeps the process.
    await this.#endWatch()
    this.#agent.stop()
    await until('JsSIP is gone', REGISTER_MS, () => !this.#agent.isConnected())
  }
}
