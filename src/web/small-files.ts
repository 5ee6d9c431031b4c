import type { FastifyInstance, FastifyRequest } from 'fastify'
import { needs } from './guard.ts'

/** A chain of certificates fits many times; whatever is larger is none. */
const BYTES_MAX = 256 * 1024

/**
 * RFC 7578: forms with files so small that they are read whole, as text, before the guard looks for the token among their fields. Only an
 * administrator's: taking apart many small parts keeps everything else waiting.
 */
export function takeSmallFiles(app: FastifyInstance): void {
  app.removeContentTypeParser('multipart/form-data')
  app.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer', bodyLimit: BYTES_MAX },
    async (request: FastifyRequest, body: string | Buffer) => {
      needs(request, 'admin')
      const fields: Record<string, string> = {}
      for (const [name, value] of await parsed(request.headers['content-type'] ?? '', body))
        fields[name] = typeof value === 'string' ? value : await value.text()
      return fields
    },
  )
}

async function parsed(type: string, body: string | Buffer): Promise<FormData> {
  try {
    return await new Response(new Uint8Array(Buffer.from(body)), { headers: { 'content-type': type } }).formData()
  } catch {
    throw Object.assign(new Error('This is no form.'), { statusCode: 400 })
  }
}
