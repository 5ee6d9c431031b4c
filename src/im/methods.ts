/** What may be asked of this box, as Allow says it. */
export const METHODS: readonly string[] = [
  'REGISTER',
  'MESSAGE',
  'OPTIONS',
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'UPDATE',
  'PUBLISH',
  'SUBSCRIBE',
  'NOTIFY',
  'REFER',
]
