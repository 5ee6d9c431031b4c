/** Every method of the RFCs. */
export const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'REGISTER',
  'OPTIONS',
  'INFO',
  'PRACK',
  'UPDATE',
  'SUBSCRIBE',
  'NOTIFY',
  'PUBLISH',
  'MESSAGE',
  'REFER',
])

/** Of a final answer, for a counter: what the wire says is bounded to those above. */
export const answerLabel = (method: string, status: number): string =>
  `${KNOWN_METHODS.has(method) ? method : 'other'} ${Math.trunc(status / 100)}xx`
