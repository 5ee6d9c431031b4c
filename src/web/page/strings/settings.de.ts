import type { Strings } from './strings.ts'

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
    files: 'Zertifikatsdateien',
  },
}

export const changes: Strings['changes'] = {
  look: 'Ansehen',
  onTrial: 'Eine Änderung wird erprobt. Sie geht von selbst zurück, wenn sie nicht bestätigt wird, in',
  wentBack: why => `Die letzte Änderung ging zurück: ${why}.`,
  notApplied: 'Sie haben Änderungen, die nicht angewendet sind.',
  fileChanged:
    'Die Konfigurationsdatei wurde von Hand geändert. Das Gerät übernimmt das mit dem nächsten Neustart seines Programms.',
  couldNotGoBack:
    'Das Gerät konnte nicht zur Konfiguration seiner Datei zurück und läuft noch mit der anderen. Es versucht es wieder; ein Neustart seines Programms tut es auch.',
  title: 'Änderungen',
  none: 'Es steht keine Änderung an.',
  text: 'Das wäre anders. Noch ist nichts angewendet.',
  trialText: 'Das Gerät läuft jetzt damit. Geht alles, und erreichen Sie diese Seite noch? Dann behalten Sie es.',
  starting: 'Das Gerät nimmt die Änderung an, was einige Sekunden dauert.',
  goingBack: 'Das Gerät geht auf den Stand davor zurück, was einige Sekunden dauert.',
  elsewhere:
    'Ist die Seite jetzt an einer anderen Adresse, öffnen Sie sie dort, melden Sie sich an und behalten Sie die Änderung.',
  thenHere: 'Dann ist die Seite hier:',
  byItself: seconds =>
    `Kommen Sie wieder und behalten Sie die Änderung dort. Sonst geht sie ${seconds} Sekunden nach dem Anwenden von selbst zurück.`,
  keep: 'Behalten',
  revert: 'Zurücknehmen',
  discard: 'Diese Änderungen verwerfen',
  dropOne: label => `„${label}“ verwerfen`,
  understood: 'Verstanden',
  stillThere: 'Was Sie ändern wollten, ist noch da.',
  apply: seconds => `${seconds} Sekunden lang erproben`,
  restart:
    'Das Gerät baut dafür seine Verbindungen neu auf, was einige Sekunden dauert. Nichts Angenommenes geht verloren; laufende Exporte und andere lange Arbeiten enden.',
  somebodyElse:
    'Jemand anderes hat die Einstellungen inzwischen geändert. Sehen Sie sich die Unterschiede noch einmal an.',
  formStale:
    'Jemand anderes hat die Einstellungen geändert, während dieses Formular offen war. Sehen Sie es noch einmal an und senden Sie es erneut.',
  differences: 'Unterschiede',
  key: 'Einstellung',
  before: 'Vorher',
  after: 'Nachher',
  warnings: {
    'no page':
      'Es gibt dann gar keine Seite: Niemand kann wiederkommen und das behalten, also geht es von selbst zurück. Soll es so sein, ändern Sie die Datei auf dem Gerät.',
    'page is local': 'Nur das Gerät selbst erreicht dann diese Seite. Von anderswo kann niemand die Änderung behalten.',
    'page moves': 'Diese Seite wird unter anderen Adressen sein.',
    domain: 'Konten und Nachrichten der alten Domäne bleiben im Gerät, und niemand erreicht sie.',
    hostname: 'Auch Zertifikate und Clients müssen den neuen Namen kennen.',
    'no digest': 'Jeder im Netz kann dann jeder sein.',
    'trusts all':
      'Alle Adressen gelten dann als vertraut: Wer das Gerät erreicht, dem wird geglaubt, wer er zu sein behauptet.',
    'plain page': 'Passwörter von Verwaltern können dann auf dem Weg mitgelesen werden.',
  },
}
