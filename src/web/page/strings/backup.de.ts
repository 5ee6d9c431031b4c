import type { backups as english } from './backup.en.ts'

export const backups: typeof english = {
  lastNever: 'Von diesem Gerät gibt es noch keine Sicherung, soweit es weiß.',
  lastAt: 'Die letzte vollständige Sicherung:',
  make: 'Eine Sicherung anlegen',
  makeText:
    'Eine Datei mit allem, was auf dem Gerät ist: wartende Nachrichten, Verläufe, Konten, Einstellungen, die Konfiguration, Verwalter und Zertifikate mit ihren Schlüsseln. Sie entsteht im laufenden Betrieb und ist mit Ihrer Passphrase verschlossen.',
  passphrase: 'Passphrase',
  passphraseHint:
    'Mindestens 10 Zeichen. Ohne sie kann niemand die Sicherung öffnen, und sie wird nirgends aufbewahrt: Notieren Sie sie dort, wo das Gerät nicht ist.',
  again: 'Die Passphrase noch einmal',
  start: 'Sicherung anlegen',
  weak: 'Eine Passphrase hat 10 bis 1024 Zeichen.',
  differ: 'Die beiden Passphrasen sind verschieden.',
  busy: 'Es läuft schon zu viel. Sehen Sie bei den laufenden Arbeiten nach, und versuchen Sie es wieder, wenn etwas davon fertig ist.',
  make2:
    'Ist sie fertig, lässt sich die Datei einen Tag lang herunterladen. So lange belegt sie Platz auf dem Flash des Geräts.',
  restore: 'Aus einer Sicherung wiederherstellen',
  restoreText:
    'Wählen Sie eine Datei. Sie wird als Ganzes geprüft, neben dem, was da ist, bevor Sie gefragt werden, ob sie eingespielt werden soll. Auch die Sicherung eines anderen Geräts geht.',
  file: 'Sicherung',
  check: 'Hochladen und prüfen',
  noFile: 'Wählen Sie die Datei einer Sicherung.',
  found: 'Bereit zum Wiederherstellen',
  made: 'Angelegt',
  madeBy: 'Von Version',
  box: 'Gerät',
  inBackup: 'In der Sicherung',
  onThisBox: 'Jetzt auf diesem Gerät',
  domain: 'Domäne',
  accounts: 'Konten',
  waiting: 'Wartende Nachrichten',
  oldest: 'Älteste davon',
  noOldest: 'nichts wartet',
  damaged: 'Beschädigte Einträge, beiseitegelegt',
  what: 'Was',
  nothing: 'nichts',
  lostText: (waiting: string) =>
    `Was jetzt auf diesem Gerät ist, wird beiseitegelegt, auch was nach der Sicherung kam: Die hier wartenden Nachrichten (${waiting}) werden nicht mehr zugestellt, außer Sie kehren zurück.`,
  againText:
    'Nachrichten, die nach der Sicherung zugestellt wurden, warten danach wieder und werden ein zweites Mal zugestellt, mit ihrem ursprünglichen Datum.',
  passwords:
    'Passwörter, Verwalter und Token sind danach die der Sicherung. Wer angemeldet ist, muss sich neu anmelden.',
  configuration: 'Konfiguration',
  choices: {
    backup: 'Die der Sicherung',
    listeners: 'Die der Sicherung, mit den Adressen dieses Geräts, an denen es lauscht',
    here: 'Die dieses Geräts',
  },
  as: (hostname: string, domain: string) => `Das Gerät heißt dann ${hostname} und bedient ${domain}.`,
  missing: (addresses: string) => `Diese Adressen hat diese Maschine nicht: ${addresses}.`,
  unfit: (errors: string) => `Damit kann das Gerät hier nicht laufen: ${errors}`,
  dataDir: 'Der Ordner des Geräts (data_dir) bleibt in jedem Fall.',
  type: (name: string) => `Zur Bestätigung ${name} eingeben`,
  typed: 'So heißt das Gerät in der Sicherung nicht.',
  restoreIt: 'Jetzt wiederherstellen',
  drop: 'Das Hochgeladene verwerfen',
  refusals: {
    gone: 'Das Hochgeladene ist nicht mehr da. Laden Sie die Sicherung noch einmal hoch.',
    busy: 'Eine Änderung der Konfiguration ist auf Probe, oder es wird gerade wiederhergestellt. Warten Sie das Ende ab.',
    configuration: 'Mit dieser Konfiguration kann das Gerät nicht laufen. Wählen Sie eine andere.',
  },
  restoringTitle: 'Wird wiederhergestellt',
  restoring:
    'Das Gerät hält an, setzt die Sicherung an ihren Platz und startet wieder, innerhalb einer halben Minute. Kann es damit nicht starten, ist alles wie zuvor. Melden Sie sich danach mit den Passwörtern der Sicherung neu an.',
  toStatus: 'Zum Gerät',
  restored: (kept: string) =>
    `Das Gerät wurde aus einer Sicherung wiederhergestellt. Was vorher da war, liegt unter ${kept}, bis Sie es entfernen.`,
  notRestored: (reason: string) =>
    `Das letzte Wiederherstellen gelang nicht, und alles ist wie zuvor. Der Grund: ${reason}`,
  kept: 'Was vorher da war',
  keptText: 'Liegt im Ordner des Geräts und wird von selbst nie wieder angesehen.',
  keptName: 'Ordner',
  keptBytes: 'Belegt',
  remove: 'Endgültig entfernen',
}
