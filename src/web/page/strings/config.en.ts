/** A key of the configuration, in words. */
export interface ConfigText {
  readonly label: string
  readonly hint?: string
  readonly choices?: Readonly<Record<string, string>>
}

const keys = {
  domain: { label: 'Domain', hint: 'The SIP domain that this box serves; part of every address here.' },
  hostname: {
    label: 'Name of the box',
    hint: 'A name or an address under which clients reach it; stands in SIP and MSRP.',
  },
  data_dir: {
    label: 'Folder of the data',
    hint: 'Where everything is kept. Changed in the file alone: stop the box, move the folder, change the file, start again.',
  },
  'listen.sip_udp': { label: 'SIP over UDP', hint: 'One address with port a line, IPv6 as [::1]:5060; empty for off.' },
  'listen.sip_tcp': { label: 'SIP over TCP', hint: 'One a line; empty for off.' },
  'listen.sip_tls': { label: 'SIP over TLS', hint: 'Usually port 5061.' },
  'listen.sip_ws': { label: 'SIP over WebSocket', hint: 'For clients in browsers.' },
  'listen.sip_wss': { label: 'SIP over WebSocket with TLS', hint: 'Pages from https: need this one.' },
  'listen.msrp_tcp': { label: 'MSRP', hint: 'Large messages and deliveries.' },
  'listen.msrp_tls': { label: 'MSRP over TLS', hint: 'Offered to clients that signal over TLS.' },
  'listen.http': { label: 'This page without TLS', hint: 'Also health, metrics and XCAP.' },
  'listen.https': { label: 'This page with TLS', hint: 'Others than this machine need it.' },
  'web.hosts': {
    label: 'Names of this page',
    hint: "Names under which browsers may come here, beside the box's own name, its domain and addresses. One a line.",
  },
  'web.plain_http': {
    label: 'Serve this page without TLS to everybody',
    hint: 'Passwords can be read on the way then. Only on a closed network.',
  },
  'tls.certificate': { label: 'Certificate', hint: 'A PEM file; empty: the box makes its own.' },
  'tls.key': { label: 'Key of the certificate', hint: 'A PEM file.' },
  'tls.ca': { label: 'Further authorities', hint: 'A PEM file; believed beside those of the system.' },
  'tls.verify_peers': { label: 'Check certificates of SIP servers', hint: 'Those that the box connects to.' },
  'ws.origins': {
    label: 'Pages that may connect over WebSocket',
    hint: 'One origin a line, e.g. https://phone.example.org; empty: any while passwords are asked for.',
  },
  'auth.digest': { label: 'Ask for passwords', hint: 'Off only on a closed network: then anybody is who they say.' },
  'auth.algorithms': {
    label: 'Digest algorithms',
    hint: 'MD5, SHA-256; in the order offered. Several clients know MD5 alone.',
  },
  'auth.trusted_peers': {
    label: 'Trusted peers',
    hint: 'Networks of the SIP core whose word is believed, e.g. 192.0.2.10/32. One a line.',
  },
  'core.route': { label: 'SIP core', hint: 'SIP URI of the core; empty for a site of its own.' },
  'deferral.enabled': {
    label: 'Keep messages for those who are away',
    hint: 'Off: they are refused, and senders are told.',
  },
  'deferral.default_expiry_s': { label: 'Kept for', hint: 'Where the sender did not say how long.' },
  'deferral.max_expiry_s': { label: 'At most for', hint: 'What senders may ask for.' },
  'deferral.max_message_bytes': { label: 'Largest message', hint: 'Not above the room of one user.' },
  'deferral.lenient_large_messages': {
    label: 'Take one-way streams as large messages',
    hint: 'From clients that do not name them so.',
  },
  'deferral.quota_messages': { label: 'Messages for one user', hint: 'More are refused with 603.' },
  'deferral.quota_bytes': { label: 'Room for one user', hint: 'More is refused with 603.' },
  'deferral.reserve_bytes': { label: 'Flash kept free', hint: 'Below it nothing new is stored.' },
  'deferral.sender_share_percent': {
    label: "One sender's part of a user's room",
    hint: 'So that nobody fills a mailbox alone.',
  },
  'deferral.sender_quota_messages': { label: 'Messages of one sender', hint: 'Over all users.' },
  'deferral.sender_quota_bytes': { label: 'Room of one sender', hint: 'Over all users.' },
  'delivery.active_default': {
    label: 'Deliver when they come back',
    hint: 'For users who never chose; off: they are told and fetch.',
  },
  'delivery.profile': {
    label: 'How it is delivered',
    choices: { auto: 'what the client can take', msrp: 'MSRP', message: 'SIP MESSAGE' },
  },
  'delivery.retry_min_s': { label: 'First repeat after' },
  'delivery.retry_max_s': { label: 'Repeats at most every' },
  'mwi.headers': {
    label: 'Tell subscribers who wrote',
    choices: { initial: 'at once', second: 'in a second notification', off: 'never' },
  },
  'mwi.unsolicited': { label: 'Tell phones that never subscribed', hint: 'Counts only; many phones expect it.' },
  'history.enabled': { label: 'Histories', hint: 'Off: none is kept, and none is read.' },
  'history.active_default': {
    label: 'Keep a history of users who never chose',
    hint: 'Tell them: many places ask for their consent.',
  },
  'history.retention_s': { label: 'Kept for', hint: 'What is older leaves the histories.' },
  'history.quota_bytes': { label: "Room for one user's history", hint: 'The oldest makes room.' },
  'history.uri': {
    label: 'Address of the history function',
    hint: 'Where clients fetch their history; empty for history@ the domain.',
  },
  'history.deferred_uri': { label: 'Address for fetching what waits', hint: 'Empty for deferred@ the domain.' },
  'history.conference_factory_uri': { label: 'Conferences that may be recorded', hint: 'A SIP URI; empty for any.' },
  'history.recordings_max': { label: 'Recordings at one time' },
  'history.recording_max_s': { label: 'Longest recording' },
  'xcap.root': { label: 'Address of XCAP for clients', hint: 'Empty: this box as it listens.' },
  'xdms.root': {
    label: 'Another document server',
    hint: "Its XCAP root; it gets every user's list of what waits. Empty for none.",
  },
  'xdms.user': { label: 'Name at that server' },
  'xdms.password': { label: 'Password at that server' },
  'console.device': { label: 'Serial console', hint: 'E.g. /dev/ttyS1; empty for none.' },
  'console.baud': { label: 'Speed of the line' },
  'console.flow_control': {
    label: 'Flow control of the line',
    hint: 'As the terminal has it. With RTS/CTS and without these wires nothing is shown.',
    choices: { none: 'none', rtscts: 'hardware (RTS/CTS)', xonxoff: 'software (XON/XOFF)' },
  },
  'watchdog.device': { label: 'Hardware watchdog', hint: "E.g. /dev/watchdog; empty: the service manager's alone." },
  'watchdog.hang_s': {
    label: 'Standstill (seconds)',
    hint: 'A program that stands still for so long ends itself, where no service manager watches it. 0: it does not.',
  },
} as const satisfies Readonly<Record<string, ConfigText>>

type ConfigName = keyof typeof keys

export const config = {
  keys: keys as Readonly<Record<ConfigName, ConfigText>>,
  empty: 'none',
  secretHint: 'There is one, which is not shown. Leave it empty to keep it as it is; another server needs it again.',
  noSecretHint: 'There is none yet.',
  fallback: (text: string) => `Default: ${text}.`,
  outside: (label: string, from: number, to: number) => `${label}: from ${from} to ${to}.`,
  notNumber: (text: string) => `“${text}” is not a whole number.`,
}
