import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { Engine } from '../engine.ts'
import { HostStore } from '../testing/host-store.ts'
import { SystemEntropy } from './entropy.ts'
import { Box } from './serve.ts'

const docs = join(import.meta.dirname, '../../docs')

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

/** Names of /metrics of a box to which nothing has happened yet. */
async function metricNames(dataDir: string): Promise<ReadonlySet<string>> {
  const loaded = loadConfig(
    `domain = "example.org"
    data_dir = "${dataDir}"
    [listen]
    sip_udp = "127.0.0.1:0"
    sip_tcp = ""
    msrp_tcp = "127.0.0.1:0"
    http = "127.0.0.1:0"`,
    'test.toml',
  )
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  const box = await Box.start({
    config: loaded.config,
    log: silentLog,
    entropy: new SystemEntropy(),
    makeEngine: async parts => new Engine(parts),
    openStore: async () => new HostStore(),
  })
  const text = await (await fetch(`http://127.0.0.1:${box.http[0]!.port}/metrics`)).text()
  await box.stop()
  return new Set([...text.matchAll(/^(restante_\w+)/gm)].map(([, name]) => name!))
}

t.test('the dashboard draws only what a box tells, and all that its manual says is worth an alarm is told', async t => {
  const names = await metricNames(t.testdir({}))
  const dashboard = JSON.parse(readFileSync(join(docs, 'grafana-dashboard.json'), 'utf8')) as {
    readonly panels: readonly Panel[]
  }
  const drawn = dashboard.panels.flatMap(({ title, targets }) => {
    t.ok(targets === undefined || targets.length > 0, title)
    return (targets ?? []).flatMap(({ expr }) => [...expr.matchAll(/restante_\w+/g)].map(([name]) => name))
  })
  t.ok(drawn.length > 30)
  t.same(
    [...new Set(drawn)].filter(name => !names.has(name)),
    [],
  )
  const [, table = ''] = readFileSync(join(docs, 'operations.md'), 'utf8').split('## Counters worth an alarm')
  const watched = [...table.split('\n## ')[0]!.matchAll(/^\| (`restante_[^|]*)/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/restante_\w+/g)].map(([name]) => name),
  )
  t.ok(watched.length > 15)
  t.same(
    watched.filter(name => !names.has(name)),
    ['restante_tls_dials_failed_total'],
    'the one that the manual names as an exception',
  )
})

t.test('the dashboard can be imported: its data source is asked for, no two panels lie upon each other', async t => {
  const text = readFileSync(join(docs, 'grafana-dashboard.json'), 'utf8')
  const { __inputs, panels } = JSON.parse(text) as { __inputs: object[]; panels: Panel[] }
  t.match(__inputs, [{ name: 'DS_PROMETHEUS', type: 'datasource', pluginId: 'prometheus' }])
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  )
  t.equal(new Set(cells).size, cells.length)
  t.ok(panels.every(({ gridPos: { x, w } }) => x >= 0 && x + w <= 24))
})
