import { createHash } from 'node:crypto'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { embeddedFile } from '../../embedded.ts'

/** What the browser needs beside the documents: made ready once, named by content, so that browsers may keep it for ever. */

interface Asset {
  readonly type: string
  readonly plain: Buffer
  readonly gzip: Buffer
  readonly brotli: Buffer
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
  byPath.set(path, { type, plain, gzip: gzipSync(plain, { level: 9 }), brotli: brotliCompressSync(plain) })
  paths.set(name, path)
}

export const assetPath = (name: string): string => paths.get(name)!

export const assetAt = (path: string): Asset | undefined => byPath.get(path)
