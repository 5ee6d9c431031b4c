import { printable } from '../base/quoted.ts'
import { readConfig } from '../host/config-file.ts'
import { PlainError } from '../host/plain-error.ts'
import { storyJson } from '../services/queue-json.ts'
import type { LifeEvent, LifeStory } from '../store/verbs.ts'
import { withStore } from './store-link.ts'
import { timeText } from './text.ts'
import type { World } from './world.ts'

interface Options {
  readonly config?: string
  readonly json?: boolean
}

/** Messages that may share one Call-ID in a listing. */
const STORIES_MAX = 100

/** The life story of each message with this store id, Call-ID or MSRP Message-ID. */
export async function showTrace(world: World, id: string, options: Options): Promise<void> {
  const { config } = readConfig(options.config)
  const stories = await withStore(world, config, link => link.ask('trace', { id, limit: STORIES_MAX }))
  if (stories.length === 0)
    throw new PlainError(`No message is known by "${printable(id)}". Give its store id, Call-ID or MSRP Message-ID.`)
  if (options.json) world.out(`${JSON.stringify(stories.map(storyJson), null, 2)}\n`)
  else world.out(stories.map(textStory).join('\n'))
}

const detailOf = (event: LifeEvent): string => ('detail' in event ? event.detail : '')

const textStory = (story: LifeStory): string =>
  [
    `${story.storeId}  Call-ID ${printable(story.callId)}`,
    `  from ${printable(story.sender)} to ${printable(story.recipient)}, ${story.size} bytes`,
    ...story.events.map(event => `  ${timeText(event.at)}  ${event.event}  ${printable(detailOf(event))}`.trimEnd()),
    '',
  ].join('\n')
