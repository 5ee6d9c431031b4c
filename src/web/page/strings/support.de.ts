import type { support as english } from './support.en.ts'

export const support: typeof english = {
  make: 'Ein Paket anlegen',
  text: 'Eine Datei für jemanden, der Ihnen hilft: wie das Gerät eingerichtet ist und wie es ihm geht. Sehen Sie hinein, bevor Sie es verschicken (tar tzf, tar xzf).',
  addresses: 'Mit den Adressen der Benutzer, wie sie sind',
  addressesHint: 'Sonst hat jeder einen Namen, der nichts sagt, derselbe im ganzen Paket.',
  download: 'Anlegen und herunterladen',
  inside: 'Was darin ist',
  files: {
    'configuration.json': 'Die Konfiguration, ohne Konten und Passwörter',
    'status.json': 'Was die Statusseite zeigt, mit den Alarmen',
    'numbers.json': 'Woran das Gerät arbeitet, in Zahlen',
    'counters.json': 'Was seit dem Start gezählt wurde',
    'machine.json': 'Versionen, Speicher, Last, Dateisysteme',
  },
  never: 'Was nie darin ist',
  redacted: [
    'Nachrichten, ihre Betreffe und Verläufe',
    'Passwörter und was daraus gemacht ist, von Benutzern, Verwaltern und anderen Servern',
    'Token, Sitzungen und Schlüssel von Zertifikaten',
    'Adressen von Benutzern, außer Sie setzen das Häkchen',
    'Dateien des Geräts, wie sie sind: Alles darin ist eigens dafür geschrieben',
  ],
}
