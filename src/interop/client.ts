/** A deployed client as the interoperation tests use it, one account each, driven from outside. */
export interface Client {
  /** Resolves when the box has taken its registration. */
  registered(): Promise<void>
  send(user: string, text: string): Promise<void>
  hasReceived(text: string): boolean
  /** Goes away; whether it de-registers is its own affair. */
  leave(): Promise<void>
  /** For a failed test. */
  readonly out: string
}

export interface ClientOptions {
  readonly user: string
  /** Whom it can write to. */
  readonly contact: string
  readonly boxPort: number
  readonly transport: 'udp' | 'tcp' | 'ws' | 'wss'
  /** Subscribes to its user's message waiting by itself, if it knows that. */
  readonly isWatching?: boolean
  /** Its home: configuration and state. */
  readonly dir: string
}

export const REGISTER_MS = 15_000
