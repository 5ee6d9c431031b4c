import type { Strings } from './strings.ts'

export const certificates: Strings['certificates'] = {
  none: 'Es gibt noch kein Zertifikat. Das Gerät macht eines, wenn ein Zugang mit TLS eingeschaltet wird; Sie können vorher eines geben.',
  inUse: 'Zertifikat in Gebrauch',
  subject: 'Für',
  names: 'Namen',
  issuer: 'Ausgestellt von',
  selfSigned: 'dem Gerät selbst (selbst signiert)',
  valid: 'Gültig',
  from: 'von',
  until: 'bis',
  left: text => `noch ${text}`,
  fingerprint: 'Fingerabdruck (SHA-256)',
  compare: 'Vergleichen Sie ihn mit dem, den Ihr Browser oder Client zeigt, bevor Sie ihm vertrauen.',
  key: 'Schlüssel',
  chain: count => `${count} Zertifikate von Zertifizierungsstellen gehen mit`,
  file: 'Datei',
  download: 'Zertifikat herunterladen',
  warnings: {
    expired: days => `Das Zertifikat ist seit ${days} Tagen abgelaufen. Clients lehnen es ab.`,
    'ends soon': days => `Das Zertifikat endet in ${days} Tagen. Besorgen Sie jetzt ein neues.`,
    'not yet valid': days => `Das Zertifikat gilt erst in ${days} Tagen. Geht die Uhr richtig?`,
    'does not name': name => `Das Zertifikat nennt ${name} nicht.`,
  },
  give: 'Ein anderes Zertifikat',
  giveText:
    'PEM-Dateien: das Zertifikat dieses Geräts mit seiner Kette dahinter, und sein Schlüssel, unverschlüsselt. Sie werden erprobt wie jede Änderung und gehen von selbst zurück, wenn Sie nicht wiederkommen.',
  certificate: 'Zertifikat',
  keyFile: 'Schlüssel',
  keyHint: 'Leer lassen, wenn er in derselben Datei steht, zum Antrag unten gehört oder der in Gebrauch ist.',
  check: 'Prüfen und den Unterschied ansehen',
  make: 'Ein neues selbst signiertes Zertifikat',
  makeText:
    'Für die Namen und Adressen, die das Gerät jetzt hat. Clients, die dem alten vertrauten, müssen den neuen Fingerabdruck vergleichen.',
  makeIt: 'Machen und den Unterschied ansehen',
  request: 'Ein Zertifikat von einer Zertifizierungsstelle',
  requestText:
    'Das Gerät macht einen Schlüssel, der es nie verlässt, und einen Antrag, den Sie der Zertifizierungsstelle schicken. Was zurückkommt, geben Sie oben ein, ohne Schlüssel.',
  requestIt: 'Neuen Antrag machen',
  requestFile: 'Letzten Antrag herunterladen',
  files: 'Dateien mit Pfad, für alle, die Zertifikate mit einem eigenen Programm erneuern',
}

export const time: Strings['time'] = {
  now: 'Uhr des Geräts',
  zone: 'Alle Zeiten auf dieser Seite sind UTC.',
  trusted: 'Der Uhr wird geglaubt',
  floor: 'Späteste schon gesehene Zeit',
  notTrusted:
    'Die Uhr steht vor einer Zeit, die schon war, also geht sie falsch. Nachrichten werden aufgehoben und übergeben, und nichts läuft ab, bis sie richtig geht.',
  source: 'Vom Netz gestellt',
  sources: {
    synchronised: 'ja, sie ist abgeglichen',
    waiting: 'noch nicht: kein Zeitserver hat geantwortet',
    off: 'nein, das ist ausgeschaltet',
    unknown: 'unbekannt: das System sagt es nicht',
  },
  asked: name => `laut ${name}`,
  set: 'Uhr von Hand stellen',
  setText: 'Für ein Gerät ohne Zeitserver. Wo es einen gibt, stellt er die Uhr bald wieder.',
  date: 'Datum und Uhrzeit (UTC)',
  setIt: 'Uhr stellen',
  wrong: 'Datum und Uhrzeit von 2026 bis 2049, in UTC.',
  ahead:
    'Stellen Sie sie nicht vor: Was bis dahin abläuft, ist weg, und das Gerät glaubt danach keine frühere Zeit mehr.',
  farAhead: 'Das ist mehr als einen Tag voraus: Was wartet und bis dahin abläuft, wäre weg.',
  aheadMeant: 'Es ist so gemeint: Uhr vorstellen',
  cannot: 'Dieses Programm darf die Uhr nicht stellen. Am Gerät selbst, als root:',
  failed: why => `Das System hat die Uhr nicht gestellt: ${why}`,
}
