import { ascii, cut, wrapped } from './ascii.ts'
import type { Terminal } from './terminal.ts'

export interface Filter {
  readonly kind: 'include' | 'exclude' | 'begin' | 'count'
  readonly text: string
}

export interface Column<Row> {
  readonly title: string
  readonly width: number
  readonly isRight?: boolean
  cell(row: Row): string
}

interface Listing<Row> {
  /** Key of the rows in JSON. */
  readonly name: string
  /** Before the rows, and as keys of JSON beside them. */
  readonly head?: { readonly lines: readonly string[]; readonly json: object }
  readonly columns: readonly Column<Row>[]
  readonly rows: AsyncIterable<Row> | Iterable<Row>
  json(row: Row): object
  /** Where there are no rows. */
  readonly none: string
}

interface ReportOptions {
  readonly terminal: Terminal
  readonly filter: Filter | undefined
  readonly isJson: boolean
  readonly signal: AbortSignal
  /** Why the box is reduced, which everything that is shown says. */
  readonly reduced?: string | undefined
}

/** Somebody has read enough. */
export class Enough extends Error {
  override readonly name = 'Enough'
}

const MORE = '--More--'

/** What a command writes: filtered, no wider than the terminal, by the page. */
export class Report {
  readonly #options: ReportOptions
  #lines = 0
  #count = 0
  #hasBegun = false
  /** Off while something is watched. */
  isPaged = true

  constructor(options: ReportOptions) {
    this.#options = options
  }

  get width(): number {
    return this.#options.terminal.columns - 1
  }

  /** Text of anybody; longer lines go on in the next one. */
  async line(text = '', indent = '  '): Promise<void> {
    // A long list of which nothing is shown is no longer read, either.
    if (this.#options.signal.aborted) throw new Enough()
    const clean = ascii(text)
    if (this.#isKept(clean)) for (const part of wrapped(clean, this.width, indent)) await this.#put(part)
  }

  async lines(texts: Iterable<string>): Promise<void> {
    for (const text of texts) await this.line(text)
  }

  /** Lines for people, or a value for programs. */
  async show(json: object, lines: Iterable<string>): Promise<void> {
    if (this.#options.isJson) return await this.#raw(JSON.stringify({ ...this.#said, ...json }, null, 1))
    await this.#sayReduced()
    await this.lines(lines)
  }

  /** Row by row: nothing is held of a long list. */
  async list<Row>({ name, head, columns, rows, json, none }: Listing<Row>): Promise<void> {
    if (this.#options.isJson) return await this.#jsonList(name, { ...this.#said, ...head?.json }, rows, json)
    await this.#sayReduced()
    await this.lines(head?.lines ?? [])
    let isFirst = true
    for await (const row of rows) {
      if (isFirst)
        await this.line(
          rowText(
            columns,
            columns.map(({ title }) => title),
          ),
        )
      isFirst = false
      await this.line(
        rowText(
          columns,
          columns.map(column => ascii(column.cell(row))),
        ),
      )
    }
    if (isFirst) await this.line(none)
  }

  /** Behind the last line. */
  async end(): Promise<void> {
    if (this.#options.filter?.kind === 'count') await this.#put(`${this.#count}`)
  }

  get #said(): object {
    const { reduced } = this.#options
    return reduced === undefined ? {} : { reduced }
  }

  async #sayReduced(): Promise<void> {
    if (this.#options.reduced !== undefined) await this.line(`(reduced: ${this.#options.reduced})`)
  }

  async #jsonList<Row>(
    name: string,
    head: object,
    rows: AsyncIterable<Row> | Iterable<Row>,
    json: (row: Row) => object,
  ): Promise<void> {
    const open = JSON.stringify({ ...head, [name]: [] }, null, 1)
    await this.#raw(open.slice(0, open.lastIndexOf(']')))
    let comma = ''
    for await (const row of rows) {
      await this.#raw(`${comma}${JSON.stringify(json(row), null, 1)}`)
      comma = ','
    }
    await this.#raw(']}')
  }

  /** Lines of a program, of any length. */
  async #raw(text: string): Promise<void> {
    for (const line of text.split('\n')) await this.#write(ascii(line))
  }

  #isKept(line: string): boolean {
    const { filter } = this.#options
    if (!filter) return true
    const has = line.toLowerCase().includes(filter.text.toLowerCase())
    if (filter.kind === 'count') this.#count++
    if (filter.kind === 'begin') return (this.#hasBegun ||= has)
    return filter.kind === 'count' ? false : has === (filter.kind === 'include')
  }

  async #put(line: string): Promise<void> {
    const { terminal } = this.#options
    const { pageLength } = terminal
    if (this.isPaged && pageLength > 1 && this.#lines >= pageLength - 1) await this.#page(pageLength)
    this.#lines++
    await this.#write(line)
  }

  async #write(line: string): Promise<void> {
    await this.#options.terminal.write(`${line}\r\n`, this.#options.signal)
    if (this.#options.signal.aborted) throw new Enough()
  }

  async #page(pageLength: number): Promise<void> {
    const { terminal } = this.#options
    await terminal.write(MORE)
    for (;;) {
      const key = await terminal.key()
      const isOne = key === 'enter'
      const isQuit = key === 'q' || key === 'Q' || key === 'interrupt'
      if (!isOne && !isQuit && key !== ' ') continue
      await terminal.write(`\r${' '.repeat(MORE.length)}\r`)
      if (isQuit) throw new Enough()
      this.#lines = isOne ? pageLength - 2 : 0
      return
    }
  }
}

const rowText = <Row>(columns: readonly Column<Row>[], cells: readonly string[]): string =>
  columns
    .map(({ width, isRight }, index) => {
      const cell = cut(cells[index]!, width)
      return isRight ? cell.padStart(width) : cell.padEnd(width)
    })
    .join('  ')
    .trimEnd()
