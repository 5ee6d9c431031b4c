/** The hardware that the box runs on, as far as a description of it is known. */
export interface Board {
  /** Of its folder in `board/`; `own` where the description is the machine's own. */
  readonly name: string
  /** As people call it. */
  readonly title: string
  /** The serial line of the kernel and the firmware: what to set `console.device` and `console.baud` to. */
  readonly console: { readonly device: string; readonly baud: number }
  /** What to set `watchdog.device` to, and the longest time that it waits; undefined: there is none. */
  readonly watchdog: { readonly device: string; readonly driver: string; readonly timeoutMaxS: number } | undefined
  /** Whether the time is right after a power cut, before anybody sets it. */
  readonly keepsTime: boolean
}
