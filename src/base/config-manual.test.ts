import { readFileSync } from 'node:fs'
import t from 'tap'
import { configSchema } from './config-schema.ts'

const manual = readFileSync(new URL('../../docs/manual.md', import.meta.url), 'utf8')

function keysOf(schema: object, under = ''): string[] {
  const { properties = {} } = schema as { properties?: Record<string, object> }
  return Object.entries(properties).flatMap(([name, inner]) => {
    const key = `${under}${name}`
    return 'properties' in inner ? keysOf(inner, `${key}.`) : [key]
  })
}

t.test('every key that is served stands in the manual', async t => {
  const keys = keysOf(configSchema)
  t.ok(keys.length > 20)
  // A row names its first key in full and further ones of the same table by their last part.
  for (const key of keys)
    t.match(manual, new RegExp(`\`(\\[\\[)?${key.replaceAll('.', '\\.')}|\`${key.split('.').at(-1)}\``))
})
