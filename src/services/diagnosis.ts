/** What a technician tries and watches on the spot. Every promise ends within the time that is said, or when `signal` says so. */

export interface TestStep {
  /** What was tried, e.g. `OPTIONS to 127.0.0.1:5060 over UDP`. */
  readonly what: string
  readonly isOk: boolean
  /** What came of it: a status line, a time, an error and what to do about it. */
  readonly result: string
}

/** Capital letter first, as people read headers; one request or response, or one end of a stream. */
export interface CapturedMessage {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly direction: 'in' | 'out'
  readonly transport: string
  /** The other end, `192.0.2.1:5060`. */
  readonly peer: string
  /** Start line and headers, printable ASCII, LF between lines; credentials replaced by `(hidden)`. */
  readonly head: string
  /** Octets of the body, as many as were seen. */
  readonly bodyBytes: number
  /** Only where bodies were asked for: printable text, at most 2 KiB. */
  readonly body?: string
  /** How many before this one nobody took in time. */
  readonly dropped: number
}

export interface CaptureWish {
  readonly withBodies: boolean
  /** Somewhere in the head, in any case of letters; empty: everything. */
  readonly matching: string
}

export type ResetLevel = 'config' | 'full'

/** The new password of `admin`, shown this once; or why there is none, in words. */
export type Recovered = { readonly password: string } | { readonly refused: string }

export interface Diagnosis {
  /** OPTIONS to each SIP listener of the box, or to that URI by way of the box's own resolving; at most 10 s. */
  testSip(target: string | undefined, signal: AbortSignal): AsyncIterable<TestStep>
  /** A connection and a transaction to each MSRP listener of the box, or a connection to that `host:port`; at most 10 s. */
  testMsrp(target: string | undefined, signal: AbortSignal): AsyncIterable<TestStep>
  /** Writes, flushes, reads back and removes a file beside the store, and one record in it; at most 10 s. */
  testDisk(signal: AbortSignal): AsyncIterable<TestStep>
  /** SIP as it passes from now on. Undefined: as many look on as may. What nobody took in time is dropped and counted. */
  capture(wish: CaptureWish, signal: AbortSignal): AsyncIterable<CapturedMessage> | undefined
  /** `service`: the box anew in its process; `machine`: asks the system to restart. Soon after this returns. Why not, in words, or undefined. */
  reload(what: 'service' | 'machine', who: string): Promise<string | undefined>
  /** Whether a factory reset has a configuration to put back; undefined: only the service that starts knows. */
  readonly isShippedKnown?: boolean | undefined
  /** Marks it for the next start of the service and starts that. Why not, in words, or undefined. */
  factoryReset(level: ResetLevel, who: string): Promise<string | undefined>
  /** Whether somebody stands before the box: a button was pressed, or it was switched on within the last minutes. Seconds left; 0: no. */
  presenceLeftS(): Promise<number>
  /**
   * Only while somebody stands before the box. `admin` gets another password, every session and token ends, and an alarm stands until that
   * password is changed. `line`: for the log, where it was asked for.
   */
  recoverPassword(line: string): Promise<Recovered>
}
