import type { Strings } from './strings.ts'

export const config: Strings['config'] = {
  keys: {
    domain: { label: 'Domäne', hint: 'Die SIP-Domäne, die dieses Gerät bedient; Teil jeder Adresse hier.' },
    hostname: {
      label: 'Name des Geräts',
      hint: 'Ein Name oder eine Adresse, unter der Clients es erreichen; steht in SIP und MSRP.',
    },
    data_dir: {
      label: 'Ordner der Daten',
      hint: 'Hier liegt alles. Nur in der Datei zu ändern: Gerät anhalten, Ordner verschieben, Datei ändern, wieder starten.',
    },
    'listen.sip_udp': {
      label: 'SIP über UDP',
      hint: 'Je Zeile eine Adresse mit Port, IPv6 als [::1]:5060; leer heißt aus.',
    },
    'listen.sip_tcp': { label: 'SIP über TCP', hint: 'Je Zeile eine; leer heißt aus.' },
    'listen.sip_tls': { label: 'SIP über TLS', hint: 'Meist Port 5061.' },
    'listen.sip_ws': { label: 'SIP über WebSocket', hint: 'Für Clients in Browsern.' },
    'listen.sip_wss': { label: 'SIP über WebSocket mit TLS', hint: 'Seiten von https: brauchen dieses.' },
    'listen.msrp_tcp': { label: 'MSRP', hint: 'Große Nachrichten und Zustellungen.' },
    'listen.msrp_tls': { label: 'MSRP über TLS', hint: 'Für Clients, die über TLS signalisieren.' },
    'listen.http': { label: 'Diese Seite ohne TLS', hint: 'Auch Zustand, Messwerte und XCAP.' },
    'listen.https': { label: 'Diese Seite mit TLS', hint: 'Alle außer dem Gerät selbst brauchen sie.' },
    'web.hosts': {
      label: 'Namen dieser Seite',
      hint: 'Namen, unter denen Browser herkommen dürfen, neben Name, Domäne und Adressen des Geräts. Je Zeile einer.',
    },
    'web.plain_http': {
      label: 'Diese Seite für alle ohne TLS',
      hint: 'Passwörter sind dann unterwegs lesbar. Nur in einem geschlossenen Netz.',
    },
    'tls.certificate': { label: 'Zertifikat', hint: 'Eine PEM-Datei; leer: das Gerät macht sein eigenes.' },
    'tls.key': { label: 'Schlüssel des Zertifikats', hint: 'Eine PEM-Datei.' },
    'tls.ca': { label: 'Weitere Zertifizierungsstellen', hint: 'Eine PEM-Datei; gilt neben denen des Systems.' },
    'tls.verify_peers': {
      label: 'Zertifikate von SIP-Servern prüfen',
      hint: 'Derer, mit denen sich das Gerät verbindet.',
    },
    'ws.origins': {
      label: 'Seiten, die sich über WebSocket verbinden dürfen',
      hint: 'Je Zeile ein Ursprung, z. B. https://phone.example.org; leer: alle, solange Passwörter verlangt werden.',
    },
    'auth.digest': {
      label: 'Passwörter verlangen',
      hint: 'Aus nur in einem geschlossenen Netz: Dann ist jeder, wer er zu sein behauptet.',
    },
    'auth.algorithms': {
      label: 'Digest-Verfahren',
      hint: 'MD5, SHA-256; in der angebotenen Reihenfolge. Manche Clients können nur MD5.',
    },
    'auth.trusted_peers': {
      label: 'Vertraute Gegenstellen',
      hint: 'Netze des SIP-Kerns, denen geglaubt wird, z. B. 192.0.2.10/32. Je Zeile eines.',
    },
    'core.route': { label: 'SIP-Kern', hint: 'SIP-URI des Kerns; leer für einen eigenständigen Standort.' },
    'deferral.enabled': {
      label: 'Nachrichten für Abwesende aufheben',
      hint: 'Aus: Sie werden abgelehnt, und Absender erfahren es.',
    },
    'deferral.default_expiry_s': { label: 'Aufbewahrt für', hint: 'Wenn der Absender nichts anderes sagt.' },
    'deferral.max_expiry_s': { label: 'Höchstens für', hint: 'Was Absender verlangen dürfen.' },
    'deferral.max_message_bytes': { label: 'Größte Nachricht', hint: 'Nicht mehr als der Platz eines Benutzers.' },
    'deferral.lenient_large_messages': {
      label: 'Einseitige Ströme als große Nachrichten nehmen',
      hint: 'Von Clients, die sie nicht so nennen.',
    },
    'deferral.quota_messages': { label: 'Nachrichten je Benutzer', hint: 'Mehr werden mit 603 abgelehnt.' },
    'deferral.quota_bytes': { label: 'Platz je Benutzer', hint: 'Mehr wird mit 603 abgelehnt.' },
    'deferral.reserve_bytes': { label: 'Freizuhaltender Speicher', hint: 'Darunter wird nichts Neues gespeichert.' },
    'deferral.sender_share_percent': {
      label: 'Anteil eines Absenders am Platz',
      hint: 'Damit niemand allein ein Postfach füllt.',
    },
    'deferral.sender_quota_messages': { label: 'Nachrichten eines Absenders', hint: 'Über alle Benutzer.' },
    'deferral.sender_quota_bytes': { label: 'Platz eines Absenders', hint: 'Über alle Benutzer.' },
    'delivery.active_default': {
      label: 'Zustellen, wenn sie wiederkommen',
      hint: 'Für Benutzer, die nie gewählt haben; aus: Sie werden benachrichtigt und holen ab.',
    },
    'delivery.profile': {
      label: 'Art der Zustellung',
      choices: { auto: 'was der Client kann', msrp: 'MSRP', message: 'SIP MESSAGE' },
    },
    'delivery.retry_min_s': { label: 'Erste Wiederholung nach' },
    'delivery.retry_max_s': { label: 'Wiederholungen höchstens alle' },
    'mwi.headers': {
      label: 'Abonnenten sagen, wer schrieb',
      choices: { initial: 'sofort', second: 'in einer zweiten Nachricht', off: 'nie' },
    },
    'mwi.unsolicited': {
      label: 'Auch Telefone benachrichtigen, die nichts abonniert haben',
      hint: 'Nur Zahlen; viele Telefone erwarten es.',
    },
    'history.enabled': { label: 'Verläufe', hint: 'Aus: Es wird keiner geführt und keiner gelesen.' },
    'history.active_default': {
      label: 'Verlauf auch für Benutzer, die nie gewählt haben',
      hint: 'Sagen Sie es ihnen: Vielerorts müssen sie zustimmen.',
    },
    'history.retention_s': { label: 'Aufbewahrt für', hint: 'Was älter ist, verlässt die Verläufe.' },
    'history.quota_bytes': { label: 'Platz für einen Verlauf', hint: 'Das Älteste macht Platz.' },
    'history.uri': {
      label: 'Adresse der Verlaufsfunktion',
      hint: 'Hier holen Clients ihren Verlauf; leer für history@ und die Domäne.',
    },
    'history.deferred_uri': { label: 'Adresse zum Abholen', hint: 'Leer für deferred@ und die Domäne.' },
    'history.conference_factory_uri': {
      label: 'Konferenzen, die aufgezeichnet werden dürfen',
      hint: 'Eine SIP-URI; leer für alle.',
    },
    'history.recordings_max': { label: 'Gleichzeitige Aufzeichnungen' },
    'history.recording_max_s': { label: 'Längste Aufzeichnung' },
    'xcap.root': { label: 'XCAP-Adresse für Clients', hint: 'Leer: dieses Gerät, wie es lauscht.' },
    'xdms.root': {
      label: 'Ein anderer Dokumentenserver',
      hint: 'Seine XCAP-Wurzel; er bekommt jede Liste des Wartenden. Leer für keinen.',
    },
    'xdms.user': { label: 'Name bei diesem Server' },
    'xdms.password': { label: 'Passwort bei diesem Server' },
    'console.device': { label: 'Serielle Konsole', hint: 'Z. B. /dev/ttyS1; leer für keine.' },
    'console.baud': { label: 'Geschwindigkeit der Leitung' },
    'console.flow_control': {
      label: 'Flusssteuerung der Leitung',
      hint: 'Wie am Terminal eingestellt. Mit RTS/CTS und ohne diese Adern erscheint nichts.',
      choices: { none: 'keine', rtscts: 'Hardware (RTS/CTS)', xonxoff: 'Software (XON/XOFF)' },
    },
    'watchdog.device': { label: 'Hardware-Watchdog', hint: 'Z. B. /dev/watchdog; leer: nur der des Dienstverwalters.' },
    'watchdog.hang_s': {
      label: 'Stillstand (Sekunden)',
      hint: 'Ein Programm, das so lange stillsteht, beendet sich selbst, wo kein Dienstverwalter darüber wacht. 0: nie.',
    },
  },
  empty: 'leer',
  secretHint: 'Es gibt eines, das nicht gezeigt wird. Leer lassen, damit es bleibt; ein anderer Server braucht es neu.',
  noSecretHint: 'Es gibt noch keines.',
  fallback: text => `Vorgabe: ${text}.`,
  outside: (label, from, to) => `${label}: von ${from} bis ${to}.`,
  notNumber: text => `„${text}“ ist keine ganze Zahl.`,
}
