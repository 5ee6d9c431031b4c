import Type, { type Static, type TSchema } from 'typebox'

/** The shape of `board/NAME/board.toml`. A `description` says what is allowed where the schema's own bounds do not. */

const closed = { additionalProperties: false }

const text = (pattern: string, description: string) => Type.String({ pattern, description })
const seconds = (maximum: number) => Type.Integer({ minimum: 1, maximum })
const table = <T extends Record<string, TSchema>>(properties: T) => Type.Object(properties, closed)

/** A line of the device tree or of a file of the kernel. */
const LINE = '^[ -~]{1,128}$'
const DEVICE = '^/dev/[A-Za-z0-9/_:.-]{1,100}$'
const BAUDS = [9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600]

/** Longer blinks tell nobody anything. */
const BLINK_MS_MAX = 10_000

const led = table({
  // A folder of /sys/class/leds: no way out of it.
  led: text('^[A-Za-z0-9][A-Za-z0-9_:+-]{0,63}$', 'the name of a folder in /sys/class/leds'),
  trigger: Type.Enum(['none', 'default-on', 'timer', 'heartbeat', 'pattern']),
  on_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: BLINK_MS_MAX })),
  off_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: BLINK_MS_MAX })),
  pattern: Type.Optional(text('^\\d{1,3} \\d{1,5}( \\d{1,3} \\d{1,5}){1,15}$', 'pairs of brightness and milliseconds')),
})
const leds = Type.Array(led, { minItems: 1, maxItems: 8, description: 'a list of up to 8 LEDs' })

export const boardSchema = table({
  title: text(LINE, 'a line of printable ASCII'),
  match: table({
    compatible: Type.Array(text(LINE, 'a name of the device tree'), { maxItems: 8, default: [] }),
    dmi: Type.Array(text(LINE, 'sys_vendor and product_name of SMBIOS'), { maxItems: 8, default: [] }),
  }),
  console: table({
    tty: text('^tty[A-Za-z0-9]{1,16}$', 'a name in /dev, e.g. "ttyS1"'),
    baud: Type.Enum(BAUDS),
    firmware_baud: Type.Integer({ minimum: 1200, maximum: 4_000_000 }),
  }),
  watchdog: Type.Optional(
    table({
      device: text(DEVICE, 'a device, e.g. "/dev/watchdog0"'),
      driver: text(LINE, 'a module of the kernel'),
      timeout_max_s: seconds(65_535),
    }),
  ),
  rtc: table({
    present: Type.Boolean(),
    driver: Type.Optional(text(LINE, 'a module of the kernel')),
    keeps_time: Type.Boolean({ default: false }),
  }),
  button: Type.Optional(
    table({
      device: text(DEVICE, 'a device in /dev/input'),
      code: Type.Integer({ minimum: 1, maximum: 767 }),
      presence_s: seconds(60),
      reset_s: seconds(60),
    }),
  ),
  boot: table({ command_line: text('^[ -~]{1,512}$', 'a line of printable ASCII') }),
  leds: Type.Optional(table({ boot: leds, ready: leds, degraded: leds, update: leds, fault: leds })),
  flash: table({
    medium: text(LINE, 'a line of printable ASCII'),
    data_dir: text('^/[ -~]{1,200}$', 'an absolute path'),
    partitions: Type.Array(
      table({
        // GPT: 36 characters of UTF-16.
        label: text('^[a-z][a-z0-9_-]{0,35}$', 'a PARTLABEL'),
        size_mib: Type.Integer({ minimum: 0, maximum: 2 ** 20 }),
        file_system: Type.Enum(['vfat', 'squashfs', 'ext4', 'f2fs']),
        mount: text('^(/[ -~]{0,200})?$', 'an absolute path, or "" where it is mounted by nobody now'),
      }),
      { minItems: 1, maxItems: 16 },
    ),
  }),
})

export type BoardDescription = Static<typeof boardSchema>
export type LedSetting = Static<typeof led>
export type LedState = keyof NonNullable<BoardDescription['leds']>
