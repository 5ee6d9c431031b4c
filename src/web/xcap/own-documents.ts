import { hash } from 'node:crypto'
import { capabilities, directory, XCAP_CAPS, XCAP_DIRECTORY } from '../../content/xcap-documents.ts'
import { documentPath } from '../../content/xcap-names.ts'
import { readXml } from '../../content/xml-read.ts'
import { type Answer, notAllowed } from './answer.ts'
import { isRead, reading, type Usage, type XcapRequest } from './usage.ts'

/** The documents that XCAP has of itself. Nobody writes them. */

const READ_ONLY = 'GET, HEAD'

/** RFC 4825 12: what this server knows. */
export function capabilitiesUsage(others: readonly Usage[]): Usage {
  const own = { auid: 'xcap-caps', tree: 'global', document: 'index', ...XCAP_CAPS } as const
  const all = [own, ...others]
  const text = capabilities(
    all.map(({ auid }) => auid),
    all.map(({ namespace }) => namespace),
  )
  return { ...own, answer: async request => readOnly(request, text, own.type) }
}

/** OMA XDM Core 1.0: which documents the user has. */
export function directoryUsage(listed: readonly Usage[]): Usage {
  const own = {
    auid: 'org.openmobilealliance.xcap-directory',
    tree: 'users',
    document: 'directory.xml',
    ...XCAP_DIRECTORY,
  } as const
  const answer = async (request: XcapRequest): Promise<Answer> => {
    const { root, aor } = request
    const entries = await Promise.all(
      listed.map(async usage => {
        const { headers } = await usage.answer({
          now: request.now,
          method: 'HEAD',
          aor,
          conditions: {},
          contentType: '',
          body: Buffer.alloc(0),
          root,
        })
        const etag = headers?.etag
        const uri = root + documentPath(usage, aor)
        return typeof etag === 'string' ? [{ auid: usage.auid, uri, etag: etag.slice(1, -1) }] : []
      }),
    )
    return readOnly(request, directory(entries.flat()), own.type)
  }
  return { ...own, answer }
}

function readOnly(request: XcapRequest, text: string, type: string): Answer {
  if (!isRead(request.method)) return notAllowed(READ_ONLY)
  return reading(request, readXml(Buffer.from(text)), { type, etag: hash('sha256', text, 'hex').slice(0, 24) })
}
