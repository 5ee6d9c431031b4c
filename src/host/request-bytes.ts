import { bytesOfPieces } from '../store/history-story.ts'
import type { StoreRequest } from '../store/verbs.ts'

/** What a request holds in memory until its commit. */
export function bytesOf(request: StoreRequest): number {
  if (request.verb === 'upload.append') return request.bytes.length
  if (request.verb === 'upload.whole') return request.content.length
  if (request.verb === 'history.append') return bytesOfPieces(request.pieces)
  if (request.verb === 'history.keep') return request.piece.bytes.length
  if (request.verb !== 'custody') return 0
  return request.message.bytes.length + (request.history?.piece.bytes.length ?? 0)
}
