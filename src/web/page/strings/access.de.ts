import type { Strings } from './strings.ts'

export const login: Strings['login'] = {
  title: 'Anmelden',
  name: 'Name',
  password: 'Passwort',
  signIn: 'Anmelden',
  wrong: 'Name und Passwort gehören nicht zusammen.',
  wait: seconds => `Zu viele falsche Passwörter. Versuchen Sie es in ${seconds} Sekunden wieder.`,
  busy: 'Gerade melden sich zu viele an. Versuchen Sie es gleich noch einmal.',
  firstHint:
    'Beim ersten Mal: das Passwort, das das Gerät beim Start ausgegeben hat, auch auf seiner seriellen Konsole.',
  lost: 'Passwort verloren? Das Handbuch sagt, wie man am Gerät selbst ein neues macht.',
}

export const told: Strings['told'] = {
  signedOut: 'Sie sind abgemeldet.',
  saved: 'Gespeichert.',
  discarded: 'Die Änderungen sind verworfen. Nichts wurde angewendet.',
  confirmed: 'Die Änderung bleibt.',
  reverted: 'Die Änderung ist zurückgenommen.',
  nothing: 'Es wurde nichts geändert.',
  setUp: 'Das Gerät ist eingerichtet.',
  passwordChanged: 'Ihr Passwort ist geändert.',
  sessionEnded: 'Die Sitzung ist beendet.',
  roleChanged: 'Die Rolle ist geändert.',
  removed: 'Entfernt.',
  userRemoved: 'Das Konto ist entfernt.',
  pushAsked: 'Es wird jetzt versucht. Öffnen Sie diese Seite gleich noch einmal: Der Lebenslauf sagt, wie es ausging.',
  messageDeleted: 'Die Nachricht ist gelöscht. Der Absender erfährt es, wenn er darum gebeten hat.',
  itemRemoved: 'Der Eintrag ist aus diesem Verlauf entfernt.',
  jobGone: 'Die Arbeit ist beendet, und was sie geschrieben hat, ist gelöscht.',
}

export const settings: Strings['settings'] = {
  intro: 'Nichts wird angewendet, bevor Sie auf der nächsten Seite alle Unterschiede gesehen haben.',
  review: 'Unterschiede ansehen',
  groups: {
    keeping: 'Nachrichten aufheben',
    room: 'Platz und gerechte Anteile',
    handing: 'Übergeben',
    waiting: 'Von Wartendem berichten',
    history: 'Verläufe',
    names: 'Namen',
    sip: 'SIP',
    msrp: 'MSRP',
    page: 'Diese Seite',
    access: 'Wem geglaubt wird',
    documents: 'Dokumente',
    machine: 'Das Gerät',
  },
}

export const changes: Strings['changes'] = {
  look: 'Ansehen',
  onTrial: 'Eine Änderung wird erprobt. Sie geht von selbst zurück, wenn sie nicht bestätigt wird, in',
  wentBack: why => `Die letzte Änderung ging zurück: ${why}.`,
  title: 'Änderungen',
  none: 'Es steht keine Änderung an.',
  text: 'Das wäre anders. Noch ist nichts angewendet.',
  trialText: 'Das Gerät läuft jetzt damit. Geht alles, und erreichen Sie diese Seite noch? Dann behalten Sie es.',
  elsewhere:
    'Ist die Seite jetzt an einer anderen Adresse, öffnen Sie sie dort, melden Sie sich an und behalten Sie die Änderung.',
  keep: 'Behalten',
  revert: 'Zurücknehmen',
  discard: 'Diese Änderungen verwerfen',
  apply: seconds => `${seconds} Sekunden lang erproben`,
  restart:
    'Das Gerät baut dafür seine Verbindungen neu auf, was einige Sekunden dauert. Nichts Angenommenes geht verloren.',
  somebodyElse:
    'Jemand anderes hat die Einstellungen inzwischen geändert. Sehen Sie sich die Unterschiede noch einmal an.',
  differences: 'Unterschiede',
  key: 'Einstellung',
  before: 'Jetzt',
  after: 'Dann',
}

export const denied: Strings['denied'] = {
  title: 'Nicht hier',
  'unknown host':
    'Dieser Name gehört nicht zum Gerät. Öffnen Sie die Seite mit seiner Adresse, oder tragen Sie den Namen in web.hosts der Konfiguration ein.',
  'not encrypted':
    'Die Seite gibt es nur über HTTPS oder auf dem Gerät selbst. Öffnen Sie sie mit https://, oder setzen Sie web.plain_http = true in der Konfiguration.',
  'other site': 'Diese Anfrage kam von einer anderen Seite. Öffnen Sie die Seite selbst und tun Sie es dort.',
  'stale form':
    'Sie wurden inzwischen abgemeldet, oder das Formular war zu lange offen. Öffnen Sie die Seite neu und wiederholen Sie es.',
  'not signed in': 'Melden Sie sich zuerst an.',
  'wrong password': 'Name und Passwort gehören nicht zusammen.',
  'wrong token': 'Dieses Token ist nicht bekannt oder abgelaufen.',
  slowed: 'Zu viele falsche Passwörter. Warten Sie und versuchen Sie es dann wieder.',
  busy: 'Zu viele zugleich. Versuchen Sie es gleich noch einmal.',
  role: 'Ihre Rolle erlaubt das nicht.',
  'not set up': 'Das Gerät muss erst eingerichtet werden, vom Konto admin aus.',
}
