import type { Strings } from './strings.ts'

export const login: Strings['login'] = {
  title: 'Anmelden',
  name: 'Name',
  password: 'Passwort',
  signIn: 'Anmelden',
  wrong: 'Name und Passwort gehören nicht zusammen.',
  wait: seconds => `Zu viele falsche Passwörter. Versuchen Sie es in ${seconds} Sekunden wieder.`,
  busy: 'Gerade melden sich zu viele an. Versuchen Sie es gleich noch einmal.',
  firstHint: 'Beim ersten Mal: als admin, mit dem Passwort, das das Gerät bei seinem allerersten Start ausgegeben hat.',
  lost: 'Passwort verloren? Ein anderer Verwalter macht ein neues. Ist keiner da: an der seriellen Konsole des Geräts „recover“ statt eines Namens eingeben, oder siehe „A lost password“ im Handbuch.',
}

export const told: Strings['told'] = {
  signedOut: 'Sie sind abgemeldet.',
  saved: 'Gespeichert.',
  discarded: 'Die Änderungen sind verworfen. Nichts wurde angewendet.',
  confirmed: 'Die Änderung bleibt.',
  reverted: 'Die Änderung ist zurückgenommen.',
  nothing: 'Es wurde nichts geändert.',
  timeSet: 'Die Uhr ist gestellt.',
  requestMade: 'Der Antrag ist gemacht. Sein Schlüssel bleibt im Gerät.',
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
  logLevelSet: 'Die Stufe des Protokolls ist geändert.',
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
