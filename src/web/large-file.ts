import type { IncomingMessage } from 'node:http'
import { Busboy, type BusboyFileStream, type BusboyHeaders } from '@fastify/busboy'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Upload } from '../services/backup.ts'
import { needs } from './guard.ts'

/** Fields beside the file, e.g. the token of the session and a passphrase; what is longer is none. */
const LIMITS = { fields: 8, fieldSize: 8192, fieldNameSize: 64, files: 1, parts: 10, headerPairs: 32 }

export interface LargeForm {
  readonly fields: Readonly<Record<string, string>>
  readonly upload: Upload | undefined
  /** Why the file was not taken; the rest of it was thrown away. */
  readonly refused: unknown
}

/** The guard finds the token of the session where it does in any form. */
type Body = Readonly<Record<string, string>>

const forms = new WeakMap<FastifyRequest, LargeForm>()

/** What was uploaded with this request. */
export const formOf = (request: FastifyRequest): LargeForm =>
  forms.get(request) ?? { fields: {}, upload: undefined, refused: undefined }

/**
 * RFC 7578: forms with one file of any size, which goes to flash as it comes. Only an administrator's is taken; it is dropped where the guard turns the
 * request away after all, or nobody took it over by `keep`.
 */
export function takeLargeFile(app: FastifyInstance, open: (bytes: number | undefined) => Promise<Upload>): void {
  app.removeContentTypeParser('multipart/form-data')
  app.addContentTypeParser(
    'multipart/form-data',
    async (request: FastifyRequest, payload: IncomingMessage): Promise<Body> => {
      needs(request, 'admin')
      const form = await read(request, payload, open)
      forms.set(request, form)
      return form.fields
    },
  )
  app.addHook('onResponse', async request => {
    await forms.get(request)?.upload?.drop()
  })
}

/** From now on the file is somebody else's to drop. */
export function keep(request: FastifyRequest): void {
  forms.delete(request)
}

function read(
  request: FastifyRequest,
  payload: IncomingMessage,
  open: (bytes: number | undefined) => Promise<Upload>,
): Promise<LargeForm> {
  const length = Number(request.headers['content-length'])
  const fields: Record<string, string> = {}
  let upload: Upload | undefined
  let refused: unknown
  let writing: Promise<void> = Promise.resolve()
  let coming: BusboyFileStream | undefined
  const take = async (file: BusboyFileStream): Promise<void> => {
    try {
      upload = await open(Number.isNaN(length) ? undefined : length)
      for await (const part of file) await upload.write(part as Buffer)
      await upload.end()
    } catch (error) {
      refused = error
      await upload?.drop()
      upload = undefined
      file.resume()
    }
  }
  return new Promise((resolve, reject) => {
    const fail = async (): Promise<void> => {
      payload.unpipe()
      payload.resume()
      // Whoever sent it is gone, or what follows cannot be read: nothing more comes.
      coming?.destroy(new Error('cut short'))
      await writing
      await upload?.drop()
      reject(Object.assign(new Error('This is no form.'), { statusCode: 400 }))
    }
    let parser: InstanceType<typeof Busboy>
    try {
      parser = new Busboy({ headers: request.headers as BusboyHeaders, limits: LIMITS })
    } catch {
      return void fail()
    }
    parser.on('field', (name, value) => {
      if (name !== '__proto__') fields[name] = value
    })
    parser.on('file', (_name, file) => {
      coming = file
      writing = take(file)
    })
    parser.on('error', () => void fail())
    payload.once('close', () => payload.complete || void fail())
    parser.on('finish', () => void writing.then(() => resolve({ fields, upload, refused })))
    payload.pipe(parser)
  })
}
