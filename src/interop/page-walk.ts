import type { Visitor } from './browser.ts'

/** No documents: files, what is asked by script, and the change of language, which only leads back. */
const NO_PAGE =
  /^\/(?:assets|language|api|metrics|healthz)\b|\.(?:pem|jsonl?|txt|mbox|tar|age)$|\/result$|\/stream$|\/licence\b/
const PAGES_MAX = 80

/** Pages that are alike but for whose they are: one of each is looked at. */
export const kindOf = (path: string): string =>
  path
    .replace(/[?#].*/, query => query.replace(/=[^&]*/g, '='))
    .replace(/^\/about\/[\w.]+/, '/about/…')
    .replace(/^\/(queue|users|history|jobs)\/[^/?]+/, '/$1/…')
    .replace(/^(\/history\/…)\/(?!erase)[^/?]+/, '$1/…')

/** Follows every link from the first page on, each kind of page once; `look` is called with the page open. */
export async function walk(
  visitor: Visitor,
  look: (path: string, status: number) => Promise<void>,
  from: readonly string[] = ['/'],
): Promise<Set<string>> {
  const seen = new Set<string>()
  const ahead = [...from]
  while (ahead.length > 0 && seen.size < PAGES_MAX) {
    const path = ahead.shift()!
    if (seen.has(kindOf(path)) || NO_PAGE.test(path)) continue
    seen.add(kindOf(path))
    await look(path, await visitor.open(path))
    const links = await visitor.page.evaluate<string[]>(
      `[...document.links].filter(({ origin, download }) => origin === location.origin && download === '').map(({ pathname, search }) => pathname + search)`,
    )
    ahead.push(...links)
  }
  return seen
}
