export const support = {
  make: 'Make a bundle',
  text: 'A file for somebody who helps you: how the box is set up and how it is. Look into it before you send it (tar tzf, tar xzf).',
  addresses: 'With the addresses of users as they are',
  addressesHint: 'Otherwise each has a name that says nothing, the same throughout this bundle.',
  download: 'Make and download it',
  inside: 'What is in it',
  files: {
    'configuration.json': 'The configuration, without accounts and passwords',
    'status.json': 'What the Status page shows, with its alarms',
    'numbers.json': 'What the box has under way, in numbers',
    'counters.json': 'What was counted since the start',
    'machine.json': 'Versions, memory, load, file systems',
  },
  never: 'What is never in it',
  redacted: [
    'Messages, their subjects and their histories',
    'Passwords and what is made of them, of users, administrators and other servers',
    'Tokens, sessions and keys of certificates',
    'Addresses of users, unless you tick the box',
    'Files of the box as they are: all that is in it is written for it',
  ],
}
