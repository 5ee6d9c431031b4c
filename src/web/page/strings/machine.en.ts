export const certificates = {
  none: 'There is no certificate yet. The box makes one when a listener with TLS is switched on; you may give it one before.',
  inUse: 'Certificate in use',
  subject: 'For',
  names: 'Names',
  issuer: 'Issued by',
  selfSigned: 'the box itself (self-signed)',
  valid: 'Valid',
  from: 'from',
  until: 'until',
  left: (text: string) => `${text} left`,
  fingerprint: 'Fingerprint (SHA-256)',
  compare: 'Compare it with the one that your browser or client shows before you trust it.',
  key: 'Key',
  chain: (count: number) => `${count} certificates of authorities are sent with it`,
  file: 'File',
  download: 'Download the certificate',
  warnings: {
    expired: (days: number) => `The certificate has expired, ${days} days ago. Clients refuse it.`,
    'ends soon': (days: number) => `The certificate ends in ${days} days. Get another one now.`,
    'not yet valid': (days: number) =>
      `The certificate is not valid before ${days} days have passed. Is the clock right?`,
    'does not name': (name: string) => `The certificate does not name ${name}.`,
  },
  give: 'Another certificate',
  giveText:
    'PEM files: the certificate of this box with its chain behind it, and its key, not encrypted. They are tried like any change, and go back by themselves if you do not come back.',
  certificate: 'Certificate',
  keyFile: 'Key',
  keyHint: 'Leave it empty where the key is in the same file, belongs to the request below, or is the one in use.',
  check: 'Check it and look at the difference',
  make: 'A new self-signed certificate',
  makeText:
    'For the names and addresses that the box has now. Clients that trusted the old one have to compare the new fingerprint.',
  makeIt: 'Make it and look at the difference',
  request: 'A certificate of an authority',
  requestText:
    'The box makes a key, which never leaves it, and a request that you send to the authority. What comes back is given above, without a key.',
  requestIt: 'Make a new request',
  requestFile: 'Download the last request',
  files: 'Files by path, for those who renew certificates by a program of their own',
}

export const time = {
  now: 'Clock of the box',
  zone: 'All times on this page are UTC.',
  trusted: 'The clock is trusted',
  floor: 'Latest time seen before',
  notTrusted:
    'The clock stands before a time that was already seen, so it must be wrong. Messages are kept and delivered, and nothing expires until it is right.',
  source: 'Set by the network',
  sources: {
    synchronised: 'yes, it is synchronised',
    waiting: 'not yet: no time server has answered',
    off: 'no, it is switched off',
    unknown: 'unknown: the system does not say',
  },
  asked: (name: string) => `as told by ${name}`,
  set: 'Set the clock by hand',
  setText: 'For a box without a time server. Where one is there, it sets the clock again soon.',
  date: 'Date and time (UTC)',
  setIt: 'Set the clock',
  wrong: 'A date and time from 2026 to 2049, in UTC.',
  ahead:
    'Do not set it ahead: what expires in between is gone, and the box will not believe an earlier time afterwards.',
  cannot: 'This program may not set the clock. On the box itself, as root:',
  failed: (why: string) => `The system did not set the clock: ${why}`,
}
