export const login = {
  title: 'Sign in',
  name: 'Name',
  password: 'Password',
  signIn: 'Sign in',
  wrong: 'Name and password do not belong together.',
  wait: (seconds: number) => `Too many wrong passwords. Try again in ${seconds} seconds.`,
  busy: 'Too many are signing in just now. Try again in a moment.',
  firstHint: 'The first time: as admin, with the password that the box printed at its very first start.',
  lost: 'Password lost? Another administrator makes a new one. Where nobody is left: type “recover” in place of a name at the serial console of the box, or see “A lost password” in the manual.',
}

export const told = {
  signedOut: 'You are signed out.',
  saved: 'Saved.',
  discarded: 'The changes are dropped. Nothing was applied.',
  confirmed: 'The change stays.',
  reverted: 'The change is taken back.',
  nothing: 'Nothing was changed.',
  timeSet: 'The clock is set.',
  requestMade: 'The request is made. Its key stays in the box.',
  setUp: 'The box is set up.',
  passwordChanged: 'Your password is changed.',
  sessionEnded: 'The session is ended.',
  roleChanged: 'The role is changed.',
  removed: 'Removed.',
  userRemoved: 'The account is removed.',
  pushAsked: 'It is being tried now. Open this page again in a moment: its story says how it went.',
  messageDeleted: 'The message is deleted. Its sender is told, if they asked for that.',
  itemRemoved: 'The item is gone from this history.',
  jobGone: 'The work is ended, and what it wrote is gone.',
  logLevelSet: 'The level of the log is changed.',
}

export const denied = {
  title: 'Not here',
  'unknown host':
    'This name does not belong to the box. Open the page by its address, or add the name to web.hosts in the configuration.',
  'not encrypted':
    'The page is served over HTTPS only, or to the machine itself. Open it with https://, or set web.plain_http = true in the configuration.',
  'other site': 'This request came from another site. Open the page itself and do it there.',
  'stale form': 'You were signed out in between, or the form was open for too long. Open the page again and repeat it.',
  'not signed in': 'Sign in first.',
  'wrong password': 'Name and password do not belong together.',
  'wrong token': 'This token is not known, or has ended.',
  slowed: 'Too many wrong passwords. Wait and try again.',
  busy: 'Too many at once. Try again in a moment.',
  role: 'Your role does not allow this.',
  'not set up': 'The box has to be set up first, by its administrator.',
}
