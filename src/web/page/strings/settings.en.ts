export const settings = {
  intro: 'Nothing is applied before you have seen all differences on the next page.',
  review: 'Look at the differences',
  groups: {
    keeping: 'Keeping messages',
    room: 'Room and fair shares',
    handing: 'Handing over',
    waiting: 'Telling of what waits',
    history: 'Histories',
    names: 'Names',
    sip: 'SIP',
    msrp: 'MSRP',
    page: 'This page',
    access: 'Who is believed',
    documents: 'Documents',
    machine: 'The machine',
    files: 'Files of certificates',
  },
}

export const changes = {
  look: 'Look at it',
  onTrial: 'A change is on trial. It goes back by itself unless it is confirmed within',
  wentBack: (why: string) => `The last change went back: ${why}.`,
  notApplied: 'You have changes that are not applied.',
  fileChanged:
    'The file of the configuration was changed by hand. The box takes that with the next restart of its program.',
  couldNotGoBack:
    'The box could not go back to the configuration of its file and still serves with the other one. It tries again; a restart of its program does so too.',
  title: 'Changes',
  none: 'Nothing is about to be changed.',
  text: 'This is what would be different. Nothing is applied yet.',
  trialText: 'The box serves with this now. Does everything work, and can you still reach this page? Then keep it.',
  starting: 'The box starts to serve with the change, which takes some seconds.',
  goingBack: 'The box goes back to what was before, which takes some seconds.',
  elsewhere: 'If the page is at another address now, open it there, sign in and keep the change.',
  thenHere: 'Then the page is here:',
  byItself: (seconds: number) =>
    `Come back and keep the change there. Otherwise it goes back by itself ${seconds} seconds after you applied it.`,
  keep: 'Keep it',
  revert: 'Take it back',
  discard: 'Drop these changes',
  dropOne: (label: string) => `Drop “${label}”`,
  understood: 'Understood',
  stillThere: 'What you wanted to change is still here.',
  apply: (seconds: number) => `Try it for ${seconds} seconds`,
  restart:
    'The box makes its connections anew for that, which takes some seconds. Nothing that was accepted is lost; exports and other long work under way end.',
  somebodyElse: 'Somebody else changed the configuration since. Look at the differences again.',
  formStale:
    'Somebody else changed the configuration while this form was open. Look at it again, then send it once more.',
  differences: 'Differences',
  key: 'Setting',
  before: 'Before',
  after: 'After',
  warnings: {
    'no page':
      'There will be no page at all: nobody can come back to keep this, so it goes back by itself. To have it so, change the file on the box.',
    'page is local': 'Only the machine itself will reach this page. From anywhere else nobody can keep the change.',
    'page moves': 'This page will be at other addresses.',
    domain: 'Accounts and messages of the domain before stay in the box, and nobody reaches them.',
    hostname: 'Certificates and clients have to know the new name too.',
    'no digest': 'Anybody on the network can be anybody then.',
    'trusts all': 'All addresses are trusted peers then: whoever reaches the box is believed to be whom they say.',
    'plain page': 'Passwords of administrators can be read on the way then.',
  },
}
