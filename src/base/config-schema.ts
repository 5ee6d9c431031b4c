import Type, { type Static, type TSchema } from 'typebox'

/**
 * The shape of the configuration file: one schema for the file, and later for the page, the console and restore.
 * A `description` says what is allowed where the schema's own bounds do not.
 */

const DAY_S = 86400

/** Of serial lines: what every UART that is still sold can do. */
export const BAUDS = [1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600]

/** Of serial lines: how one side has the other wait: not at all, by the wires RTS and CTS, or by the characters XON and XOFF. */
export const FLOW_CONTROLS = ['none', 'rtscts', 'xonxoff'] as const
export type FlowControl = (typeof FLOW_CONTROLS)[number]

const closed = { additionalProperties: false }

/** Ten years: past any sane retention, and still exact when counted in milliseconds. */
const SECONDS_MAX = 3650 * DAY_S

/** Far above any flash, below where integers lose exactness. */
const BYTES_MAX = 2 ** 50

/** Nobody can type them, and no line of a protocol and no file name may have them. */
export const NO_CONTROLS = '^[^\\x00-\\x1f\\x7f-\\x9f]*$'

const text = (fallback: string, description: string) =>
  Type.String({ default: fallback, pattern: NO_CONTROLS, description })
const flag = (fallback: boolean) => Type.Boolean({ default: fallback })
const whole = (fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ default: fallback, minimum, maximum })
const choice = <const T extends string[]>(fallback: T[number], values: T) => Type.Enum(values, { default: fallback })
const table = <T extends Record<string, TSchema>>(properties: T) => Type.Object(properties, { ...closed, default: {} })

export const LISTEN_ALLOWED =
  '"ADDRESS:PORT" with a numeric address, IPv6 as "[::1]:5060", a list of these, or "" for off'

const listener = (fallback: string) =>
  Type.Union(
    [
      Type.String(),
      Type.Array(Type.String({ description: LISTEN_ALLOWED }), { maxItems: 16, description: LISTEN_ALLOWED }),
    ],
    { default: fallback, description: LISTEN_ALLOWED },
  )

const algorithm = Type.Enum(['MD5', 'SHA-256'])
const algorithmList = { minItems: 1, maxItems: 2, uniqueItems: true, description: 'a list of "MD5" and "SHA-256"' }

const user = Type.Object(
  {
    aor: Type.String({ description: 'an address like "sip:alice@example.org"' }),
    password: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        pattern: NO_CONTROLS,
        description: 'a text of 1 to 256 characters, none of them a control character',
        writeOnly: true,
      }),
    ),
    ha1_md5: Type.Optional(
      Type.String({ pattern: '^[0-9a-fA-F]{32}$', description: '32 hexadecimal digits', writeOnly: true }),
    ),
    ha1_sha256: Type.Optional(
      Type.String({ pattern: '^[0-9a-fA-F]{64}$', description: '64 hexadecimal digits', writeOnly: true }),
    ),
    algorithms: Type.Optional(Type.Array(algorithm, algorithmList)),
  },
  closed,
)

export const configSchema = Type.Object(
  {
    domain: Type.String({ minLength: 1, maxLength: 253, description: 'the SIP domain served, e.g. "example.org"' }),
    hostname: text('', 'a host name or a numeric address'),
    data_dir: Type.String({ default: './data', minLength: 1, pattern: NO_CONTROLS, description: 'a folder' }),
    listen: table({
      sip_udp: listener('127.0.0.1:5060'),
      sip_tcp: listener('127.0.0.1:5060'),
      sip_tls: listener(''),
      sip_ws: listener(''),
      sip_wss: listener(''),
      msrp_tcp: listener('127.0.0.1:2855'),
      msrp_tls: listener(''),
      http: listener('127.0.0.1:8080'),
      https: listener(''),
    }),
    web: table({
      hosts: Type.Array(Type.String({ pattern: '^[A-Za-z0-9.-]{1,253}$', description: 'a host name' }), {
        maxItems: 16,
        default: [],
        description: 'a list of host names',
      }),
      plain_http: flag(false),
    }),
    tls: table({
      certificate: text('', 'a PEM file'),
      key: text('', 'a PEM file'),
      ca: text('', 'a PEM file, or ""'),
      verify_peers: flag(true),
    }),
    ws: table({
      origins: Type.Array(
        Type.String({
          pattern: '^[a-z][a-z0-9+.-]*://[^/\\s]*$',
          description: 'an origin, e.g. "https://phone.example.org"',
        }),
        { maxItems: 64, default: [], description: 'a list of origins, e.g. ["https://phone.example.org"]' },
      ),
    }),
    auth: table({
      digest: flag(true),
      algorithms: Type.Array(algorithm, { ...algorithmList, default: ['MD5'] }),
      trusted_peers: Type.Array(Type.String({ description: 'a CIDR' }), {
        maxItems: 256,
        default: [],
        description: 'a list of CIDRs',
      }),
    }),
    core: table({ route: text('', 'a SIP URI, or "" for stand-alone') }),
    // Every account is put into the store in one transaction at the start; more belong into the store by `user add`.
    user: Type.Array(user, { maxItems: 10000, default: [], description: 'up to 10000 tables [[user]]' }),
    deferral: table({
      enabled: flag(true),
      default_expiry_s: whole(3 * DAY_S, 1, SECONDS_MAX),
      max_expiry_s: whole(30 * DAY_S, 1, SECONDS_MAX),
      max_message_bytes: whole(104857600, 1, 2 ** 31 - 1),
      lenient_large_messages: flag(true),
      quota_messages: whole(1000, 1, 1e7),
      quota_bytes: whole(268435456, 1, BYTES_MAX),
      reserve_bytes: whole(67108864, 0, BYTES_MAX),
      sender_share_percent: whole(80, 1, 100),
      sender_quota_messages: whole(100000, 1, 1e9),
      sender_quota_bytes: whole(1073741824, 1, BYTES_MAX),
    }),
    delivery: table({
      active_default: flag(true),
      profile: choice('auto', ['msrp', 'message', 'auto']),
      retry_min_s: whole(30, 1, DAY_S),
      retry_max_s: whole(3600, 1, 7 * DAY_S),
    }),
    xcap: table({ root: text('', 'an http: or https: URL that ends in "/", or ""') }),
    xdms: table({
      root: text('', 'an http: or https: URL that ends in "/", or ""'),
      user: text('', 'a user name, or ""'),
      password: Type.String({ default: '', pattern: NO_CONTROLS, description: 'a password, or ""', writeOnly: true }),
    }),
    mwi: table({ headers: choice('second', ['initial', 'second', 'off']), unsolicited: flag(false) }),
    history: table({
      enabled: flag(true),
      retention_s: whole(365 * DAY_S, 1, SECONDS_MAX),
      quota_bytes: whole(1073741824, 1, BYTES_MAX),
      uri: text('', 'a SIP URI in the served domain'),
      deferred_uri: text('', 'a SIP URI in the served domain'),
      conference_factory_uri: text('', 'a SIP URI, or ""'),
      active_default: flag(false),
      recordings_max: whole(16, 0, 10_000),
      recording_max_s: whole(28_800, 60, 7 * DAY_S),
    }),
    console: table({
      device: text('', 'a serial device, e.g. "/dev/ttyS1", or ""'),
      baud: Type.Enum(BAUDS, { default: 115200 }),
      flow_control: Type.Enum(FLOW_CONTROLS, { default: 'none' }),
    }),
    watchdog: table({
      device: text('', 'a watchdog device, e.g. "/dev/watchdog", or ""'),
      hang_s: whole(60, 0, 3600),
    }),
  },
  closed,
)

export type Config = Static<typeof configSchema>
export type ListenKey = keyof Config['listen']
