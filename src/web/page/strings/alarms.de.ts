import type { ResetKind } from '../../../services/status.ts'
import { resetKinds } from './progress.de.ts'
import type { Strings } from './strings.ts'

const some = (count: string, one: string, many: string): string => `${count} ${count === '1' ? one : many}`

export const alarms: Strings['alarms'] = {
  'store-failing': {
    text: (_, detail) => `Es kann keine Nachricht aufbewahrt werden: ${detail}.`,
    todo: 'Absender werden abgewiesen und wissen es; nichts Angenommenes ist verloren. Suchen Sie im Protokoll nach einem vollen oder ausfallenden Speicher, und tauschen Sie einen ausfallenden aus.',
  },
  'slow-progress': {
    text: (_, detail) => `Das Gerät ist langsamer, als es sein darf: ${detail}.`,
    todo: 'Verloren ist nichts. Bleibt es so, suchen Sie nach einem langsamen Speicher, oder nach mehr Arbeit, als dieses Gerät leisten kann.',
  },
  'listener-silent': {
    text: (count, detail) =>
      `${some(count, 'Zugang antwortet', 'Zugänge antworten')} der Maschine selbst nicht mehr: ${detail}.`,
    todo: 'Vielleicht kommt dort niemand herein. Er wurde neu geöffnet und wird wieder versucht. Prüfen Sie, ob die Maschine die Adresse noch hat, kein anderes Programm den Port hat und keine Firewall der Maschine verbietet, sich selbst zu erreichen.',
  },
  'listener-reopened': {
    text: count => `In der letzten Stunde war ein Zugang stumm und wurde ${count}-mal neu geöffnet.`,
    todo: 'Clients fanden ihn vielleicht verschlossen und kommen von selbst wieder. Das Protokoll nennt ihn; kommt es wieder, machen Sie ein Paket für den Support.',
  },
  'watchdog-device': {
    text: (_, detail) => `Der Watchdog der Maschine wacht nicht: ${detail}.`,
    todo: 'Eine Maschine, die hängt, startet nicht von selbst neu. Prüfen Sie, ob watchdog.device ihn nennt, kein anderes Programm ihn hat und dieses Gerät ihn öffnen darf.',
  },
  'console-line': {
    text: (_, detail) => `An der seriellen Konsole kann niemand arbeiten: ${detail}.`,
    todo: 'Alle paar Sekunden wird sie gesucht. Prüfen Sie, ob console.device sie nennt, sie angesteckt ist, kein anderes Programm sie hat und dieses Gerät sie öffnen darf; ist keine gewollt, lassen Sie console.device leer.',
  },
  'unclean-start': {
    text: (count, detail) =>
      `Am letzten Tag wurde das Gerät ${count}-mal gestartet, nachdem es nicht ordentlich geendet hatte; zuletzt: ${resetKinds[detail as ResetKind] ?? detail}.`,
    todo: 'Nichts Angenommenes ist verloren. Der Status sagt, was von jedem Mal bekannt ist: Konnte es nicht starten, tun Sie, was dort steht; kommt anderes wieder, sehen Sie nach Stromversorgung, Speicher und Medium, und schicken Sie ein Paket für den Support.',
  },
  'flash-low': {
    text: count => `Der Speicher ist fast voll: ${count} sind frei.`,
    todo: 'Unter der Reserve werden neue Nachrichten abgewiesen, unter der doppelten wachsen Verläufe nicht mehr. Löschen Sie, was auf Benutzer wartet, die nicht wiederkommen, oder alte Verläufe, oder nehmen Sie einen größeren Speicher.',
  },
  clock: {
    text: () => 'Die Uhr steht vor einer Zeit, die dieses Gerät schon gesehen hat.',
    todo: 'Nachrichten werden wie immer aufbewahrt und zugestellt, aber nichts läuft ab. Stellen Sie die Uhr, oder machen Sie dem Gerät einen Zeitserver erreichbar.',
  },
  wear: {
    text: count => `Der Flash-Speicher meldet, dass ${count} % seiner Lebensdauer verbraucht sind.`,
    todo: 'Planen Sie den Austausch. Sichern Sie jetzt, und spielen Sie auf dem neuen Speicher zurück.',
  },
  'certificate-ended': {
    text: count => `Das Zertifikat ist vor ${some(count, 'Tag', 'Tagen')} abgelaufen.`,
    todo: 'Es wird weiter gezeigt; viele Clients lehnen es ab. Spielen Sie ein neues ein, oder lassen Sie das Gerät eines machen.',
  },
  'certificate-ends': {
    text: count => `Das Zertifikat läuft in ${some(count, 'Tag', 'Tagen')} ab.`,
    todo: 'Erneuern Sie es, bevor Clients es ablehnen.',
  },
  damaged: {
    text: count =>
      `${some(count, 'gespeicherter Eintrag hat', 'gespeicherte Einträge haben')} nicht mehr die Bytes, die geschrieben wurden; was so ist, liegt beiseite.`,
    todo: 'Das Protokoll nennt sie. Sichern Sie, und tauschen Sie den Speicher aus: er hat verloren, was er bestätigt hatte.',
  },
  'internal-errors': {
    text: count => `${some(count, 'innerer Fehler', 'innere Fehler')} in der letzten Stunde.`,
    todo: 'Ein Mangel dieser Software. Bitte machen Sie ein Paket für den Support, und melden Sie ihn.',
  },
  'messages-refused': {
    text: count =>
      `${some(count, 'Nachricht wurde', 'Nachrichten wurden')} in der letzten Stunde nicht aufbewahrt; ihre Absender wissen es.`,
    todo: 'Meist ist ein Postfach oder ein Absender an seiner Grenze. Die Warteschlange zeigt, wer voll ist; die Grenzen stehen unter Zustellung an Abwesende.',
  },
  'large-refused': {
    text: count =>
      `${some(count, 'große Nachricht wurde', 'große Nachrichten wurden')} in der letzten Stunde nicht aufbewahrt; ihre Absender wissen es.`,
    todo: 'Das Protokoll sagt von jeder, warum: ein volles Postfach, eine Größengrenze, oder ein Absender, der abbrach.',
  },
  'store-slow': {
    text: count =>
      `Der Speicher kam in der letzten Stunde ${count}-mal nicht nach; Absender sollen es später noch einmal versuchen.`,
    todo: 'Geschieht das täglich, nehmen Sie einen schnelleren Speicher. Begann es plötzlich, fällt er vielleicht bald aus.',
  },
  'mailbox-full': {
    text: count => `${some(count, 'Postfach kam', 'Postfächer kamen')} in der letzten Stunde auf 80 % ihrer Grenze.`,
    todo: 'Die Warteschlange zeigt, welche. Ihre Besitzer sind lange fort, oder jemand schickt ihnen zu viel.',
  },
  'push-kept': {
    text: count =>
      `${some(count, 'Zustellung brach', 'Zustellungen brachen')} in der letzten Stunde ab; die Nachrichten bleiben und werden wieder versucht.`,
    todo: 'Die Geschichte einer Nachricht in der Warteschlange sagt, warum. Prüfen Sie das Netz zu diesen Clients.',
  },
  'history-incomplete': {
    text: count =>
      `${count}-mal konnte in der letzten Stunde ein Teil eines Verlaufs nicht aufbewahrt werden. Zugestellt wurde trotzdem.`,
    todo: 'Das Protokoll sagt, welcher Anruf und warum: meist fehlt Platz.',
  },
  'history-passed-over': {
    text: count =>
      `Clients nahmen in der letzten Stunde ${some(count, 'Eintrag', 'Einträge')} eines Verlaufs nicht an.`,
    todo: 'Das Protokoll sagt, wessen. Die Einträge bleiben im Verlauf.',
  },
  'history-not-recorded': {
    text: count =>
      `${some(count, 'Gespräch der letzten Stunde wurde', 'Gespräche der letzten Stunde wurden')} nicht aufgezeichnet.`,
    todo: 'Das Protokoll sagt, welche, und was dem Gerät im Weg stand.',
  },
  'notices-lost': {
    text: count =>
      `${some(count, 'Absender, der wissen wollte, was aus seiner Nachricht wurde, war', 'Absender, die wissen wollten, was aus ihrer Nachricht wurde, waren')} nicht zu erreichen.`,
    todo: 'Sie selbst oder ihr Server waren nicht da. Die Nachrichten betrifft das nicht.',
  },
  doors: {
    text: count => `${count} Anfragen mit falschem Passwort oder von Fremden in der letzten Stunde.`,
    todo: 'Ein Telefon mit altem Passwort tut das. Wer rät, wird von selbst gebremst: das Protokoll sagt dann, für wen und woher.',
  },
  'xcap-doors': {
    text: count => `${count} falsche Passwörter für Dokumente (XCAP) in der letzten Stunde.`,
    todo: 'Ein Client mit altem Passwort tut das. Wer rät, wird von selbst gebremst: das Protokoll sagt dann, für wen und woher.',
  },
  'page-doors': {
    text: count =>
      `${some(count, 'falsches Passwort oder Token', 'falsche Passwörter oder Token')} für diese Seite in der letzten Stunde.`,
    todo: 'Das Protokoll sagt, woher, sobald gebremst wird. War es niemand von Ihnen, nehmen Sie die Seite aus diesem Netz.',
  },
  xdms: {
    text: count => `Der andere Dokumentenserver nahm in der letzten Stunde ${some(count, 'Liste', 'Listen')} nicht an.`,
    todo: 'Er ist nicht da oder kennt das Gerät nicht: das Protokoll sagt, was. Versäumtes wird nachgeholt, wenn er zurück ist.',
  },
  'tls-dials': {
    text: count =>
      `${some(count, 'TLS-Verbindung zu einer SIP-Gegenstelle kam', 'TLS-Verbindungen zu einer SIP-Gegenstelle kamen')} in der letzten Stunde nicht zustande.`,
    todo: 'Ihr Zertifikat, ihr Name oder die Leitung: das Protokoll sagt, was, einmal in der Minute.',
  },
  handshakes: {
    text: count =>
      `${some(count, 'Verbindung begann TLS oder WebSocket in der letzten Stunde und machte', 'Verbindungen begannen TLS oder WebSocket in der letzten Stunde und machten')} nicht weiter.`,
    todo: 'Einzelne sind Sucher im Netz; viele sind ein falsch eingerichteter Client, oder ein Port, an den das falsche Protokoll geschickt wird.',
  },
  'streams-refused': {
    text: count =>
      `${some(count, 'Verbindung wurde', 'Verbindungen wurden')} in der letzten Stunde abgewiesen: es waren zu viele.`,
    todo: 'Von einer Adresse ist es meist ein Client, der sich immer neu verbindet, oder viele hinter einem Router.',
  },
  'password-recovered': {
    text: () => 'Das Passwort von admin wurde an der Konsole neu erzeugt, von jemandem, der vor dem Gerät stand.',
    todo: 'Waren Sie das, wählen Sie ein anderes für admin, dann endet dies; legen Sie neue Token für Ihre Skripte an. Wenn nicht, war jemand an Ihrem Gerät.',
  },
  'backup-old': {
    text: count => `Seit ${count} Tagen gab es keine Sicherung.`,
    todo: 'Legen Sie eine an, und bewahren Sie sie nicht beim Gerät auf.',
  },
  'plain-page': {
    text: () => 'Diese Seite geht unverschlüsselt an andere Rechner.',
    todo: 'Passwörter lassen sich unterwegs mitlesen. Nehmen Sie https, und schalten Sie web.plain_http aus.',
  },
  'no-digest': {
    text: () => 'Passwörter der Benutzer werden nicht geprüft.',
    todo: 'Wer im Netz ist, ist, wer er sagt. Schalten Sie auth.digest ein, außer ein Core vor dem Gerät prüft.',
  },
}
