import { createHash } from 'node:crypto'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { embeddedFile } from '../../embedded.ts'

/** What the browser needs beside the documents: named by content, so that browsers may keep it for ever; compressed when it is first asked for. */

interface Asset {
  readonly type: string
  readonly plain: Buffer
  readonly gzip: Buffer
  readonly brotli: Buffer
}

/** Not at the start of the box, where it would take a tenth of the time. */
class Packed implements Asset {
  readonly type: string
  readonly plain: Buffer
  #gzip: Buffer | undefined
  #brotli: Buffer | undefined

  constructor(type: string, plain: Buffer) {
    this.type = type
    this.plain = plain
  }

  get gzip(): Buffer {
    this.#gzip ??= gzipSync(this.plain, { level: 9 })
    return this.#gzip
  }

  get brotli(): Buffer {
    this.#brotli ??= brotliCompressSync(this.plain)
    return this.#brotli
  }
}

const TYPES: Readonly<Record<string, string>> = {
  'style.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
}

const byPath = new Map<string, Asset>()
const paths = new Map<string, string>()

for (const [name, type] of Object.entries(TYPES)) {
  const plain = embeddedFile(`src/web/page/assets/${name}`)
  const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 12)
  const path = `/assets/${hash}-${name}`
  byPath.set(path, new Packed(type, plain))
  paths.set(name, path)
}

export const assetPath = (name: string): string => paths.get(name)!

export const assetAt = (path: string): Asset | undefined => byPath.get(path)
