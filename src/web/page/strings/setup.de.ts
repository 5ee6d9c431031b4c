import type { Strings } from './strings.ts'

export const setup: Strings['setup'] = {
  title: 'Gerät einrichten',
  steps: { password: 'Passwort', network: 'Namen und Adressen', users: 'Benutzer', summary: 'Zusammenfassung' },
  stepOf: (step, steps) => `Schritt ${step} von ${steps}`,
  progress: 'Schritte',
  next: 'Weiter',
  skip: 'Weiter ohne Änderung',
  meanwhile:
    'Das Gerät arbeitet bereits. Sie können hier jederzeit unterbrechen; es geht weiter, wo Sie aufgehört haben.',
  passwordText:
    'Sie haben sich mit dem Passwort angemeldet, das das Gerät ausgegeben hat. Wählen Sie ein eigenes für das Konto admin: Es öffnet diese Seite und die API.',
  password: 'Neues Passwort von admin',
  passwordHint:
    'Mindestens 10 Zeichen. Mehrere Wörter merkt man sich leichter, und man errät sie schwerer, als seltsame Zeichen.',
  again: 'Dasselbe noch einmal',
  notSame: 'Die beiden sind nicht gleich.',
  passwordDone: 'Das Konto admin hat ein eigenes Passwort.',
  networkText: 'Was Telefone und andere Geräte im Netz sehen und erreichen.',
  reach: 'Wo Clients SIP und MSRP erreichen',
  reachHint: 'Es sind die Adressen, die dieses Gerät jetzt hat. Die Ports bleiben, wie sie sind.',
  reachKeep: text => `Wie es ist: ${text}`,
  reachAll: 'An jeder Adresse dieses Geräts',
  reachLocal: 'Nur von diesem Gerät aus, zum Ausprobieren',
  notReachable: 'Wählen Sie eine davon.',
  secure: 'SIP und MSRP auch über TLS anbieten',
  secureHint: 'An den Ports 5061 und 2856, mit dem Zertifikat des Geräts.',
  page: 'Diese Seite im Netz über HTTPS öffnen',
  pageHint:
    'An Port 8443, wenn sie noch keinen hat. Sonst ist die Seite nur vom Gerät selbst erreichbar. Browser warnen vor dem Zertifikat, das das Gerät selbst gemacht hat: Vergleichen Sie seinen Fingerabdruck mit dem in Schritt 4.',
  localName: name =>
    `${name} meint auf jedem Gerät das Gerät selbst. Schreiben Sie den Namen oder die Adresse, unter der Clients es erreichen.`,
  domainHint:
    'Adressen der Benutzer enden damit: alice@example.org. Benutzer, die unter einer anderen Domäne angelegt wurden, kommen nicht mit.',
  check: 'Prüfen und verwenden',
  conflict: 'Jemand anderes hat die Einstellungen inzwischen geändert. Sehen Sie sie noch einmal an.',
  pending: 'Eine andere Änderung wird erprobt. Warten Sie, bis sie bleibt oder zurückgeht.',
  applying: 'Das Gerät läuft damit an, was einige Sekunden dauert. Nichts Angenommenes geht verloren.',
  applied: 'Das Gerät läuft jetzt damit.',
  failed: why => `Das Gerät konnte damit nicht laufen und läuft wie zuvor: ${why}`,
  trial:
    'Das Gerät läuft jetzt damit, und die Seite hat vielleicht eine andere Adresse. Erreichen Sie sie noch? Dann behalten Sie die Änderung; sonst geht sie von selbst zurück.',
  usersText: 'Wer sich anmelden darf und wem Nachrichten aufgehoben werden. Weitere gehen jederzeit.',
  userNames: 'Namen',
  userNamesHint:
    'Einer in jeder Zeile, etwa alice; auch ein Leerzeichen, Komma oder Strichpunkt beginnt einen weiteren. Passwörter werden dafür gemacht.',
  addUsers: 'Diese Benutzer anlegen',
  made: 'Eben angelegt. Diese Passwörter werden nur dieses eine Mal gezeigt; aufgehoben werden nur ihre Hashes.',
  madeHint: 'Später hat jeder Benutzer eine Seite mit einem QR-Code, der ein Telefon einrichtet.',
  user: 'Benutzer',
  userPassword: 'Passwort',
  usersCaption: 'Benutzer',
  noUsers: 'Es gibt noch keine.',
  usersMax: max => `Höchstens ${max} auf einmal.`,
  summaryText: 'So ist das Gerät eingerichtet. Alles lässt sich später ändern.',
  sip: 'SIP',
  msrp: 'MSRP',
  pageAt: 'Diese Seite',
  fingerprint: 'Fingerabdruck des Zertifikats',
  userCount: 'Benutzer',
  atLeast: count => `${count} oder mehr`,
  finish: 'Fertig',
  finishHint:
    'Die Schritte sind dann endgültig geschlossen. Ein verlorenes Passwort ersetzt man am Gerät selbst; das Handbuch sagt, wie.',
}

export const accessRefusals: Strings['accessRefusals'] = {
  'name taken': 'Diesen Namen gibt es schon.',
  'name unfit':
    'Nehmen Sie 1 bis 32 Kleinbuchstaben, Ziffern, Punkte, Striche und Unterstriche, zuerst einen Buchstaben oder eine Ziffer.',
  'password short': 'Das ist zu kurz: Es braucht mindestens 10 Zeichen.',
  'password long': 'Das ist zu lang: 256 Zeichen sind das Höchste.',
  'password common':
    'Das ist zu leicht zu erraten: Es wird zuerst probiert, enthält den Namen oder nur wenige verschiedene Zeichen. Nehmen Sie mehrere Wörter.',
  'last administrator': 'Das Konto admin bleibt, und es bleibt Administrator.',
  'too many': 'Es gibt schon 32. Entfernen Sie zuerst eines.',
  unknown: 'Das gibt es nicht mehr.',
  'wrong password': 'Das ist nicht Ihr Passwort.',
  'own account':
    'Das ist Ihr eigenes Konto. Sein Passwort ändern Sie oben auf dieser Seite; das Übrige macht ein anderer Administrator.',
  'printed password': 'Das Passwort von admin ist noch das ausgegebene. Wählen Sie zuerst ein anderes.',
}
