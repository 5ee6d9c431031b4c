import type { Log } from '../../base/log.ts'
import type { Board } from '../../services/board.ts'
import type { BoxCondition, BoxState } from '../watchdog/box-state.ts'
import { boardOf, findBoard } from './boards.ts'
import { Leds } from './leds.ts'
import type { LedState } from './schema.ts'

/** What the LEDs show where nothing takes their place for a while. */
const SHOWN: Readonly<Record<BoxCondition, LedState>> = {
  starting: 'boot',
  ready: 'ready',
  degraded: 'degraded',
  fault: 'fault',
  stopping: 'boot',
}

interface BoardOptions {
  readonly state: BoxState
  readonly log: Log
  /** Where the files of the machine begin; a test has its own. */
  readonly root?: string
}

/** The board that the box runs on, looked for once at the start, and its LEDs, which follow the state of the box. */
export class BoardAtWork {
  /** Undefined: none that is known. */
  readonly board: Board | undefined
  readonly #state: BoxState
  readonly #leds: Leds | undefined
  readonly #unwatch: () => void
  #updates = 0

  constructor({ state, log, root = '/' }: BoardOptions) {
    const found = findBoard({ root, log })
    this.board = found && boardOf(found)
    this.#state = state
    if (this.board) log.info('board', { name: this.board.name, title: this.board.title })
    const states = found?.description.leds
    this.#leds = states && new Leds({ states, folder: `${root}/sys/class/leds`, log })
    this.#unwatch = state.watch(() => void this.#show())
  }

  /** While other data or another program are put in place, the LEDs say that nobody may switch it off. */
  async updating<T>(work: () => Promise<T>): Promise<T> {
    this.#updates++
    void this.#show()
    try {
      return await work()
    } finally {
      this.#updates--
      void this.#show()
    }
  }

  /** The LEDs go on as they are. */
  stop(): void {
    this.#unwatch()
  }

  /** Resolves when it is shown, or cannot be. */
  async #show(): Promise<void> {
    await this.#leds?.show(this.#updates > 0 ? 'update' : SHOWN[this.#state.view.condition])
  }
}
