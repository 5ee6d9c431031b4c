import { readFileSync } from 'node:fs'
import { Counter, Gauge, Registry } from 'prom-client'
import type { Counters } from '../base/counters.ts'

const PREFIX = 'restante_'

/** Prometheus text: every counter, every number that `describe()` gives, and what the process takes. */
export async function metricsText(counters: Counters, description: object): Promise<string> {
  const registry = new Registry()
  for (const [name, labels] of Object.entries(counters.describe())) addCounter(registry, name, labels)
  for (const [name, value] of numbersOf(description)) addGauge(registry, name, value)
  for (const [name, value] of processNumbers()) addGauge(registry, name, value)
  return registry.metrics()
}

function addCounter(registry: Registry, name: string, labels: Record<string, number>): void {
  const isLabelled = Object.keys(labels).some(label => label !== '')
  const full = `${PREFIX}${plain(name)}_total`
  const counter = new Counter({
    name: full,
    help: `${name.replaceAll('_', ' ')} since the start`,
    labelNames: isLabelled ? ['kind'] : [],
    registers: [registry],
  })
  for (const [label, count] of Object.entries(labels)) counter.inc(isLabelled ? { kind: label } : {}, count)
}

function addGauge(registry: Registry, name: string, value: number): void {
  const full = `${PREFIX}${name}`
  // Two paths of the description can come out as one name; the first one stands.
  if (registry.getSingleMetric(full)) return
  new Gauge({ name: full, help: `${name.replaceAll('_', ' ')} now`, registers: [registry] }).set(value)
}

/** `loopLagMs`, `INVITE confirmed`: `loop_lag_ms`, `invite_confirmed`. */
const plain = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/\W+/g, '_')

/** Nested objects become one name: `{ sip: { flows: 3 } }` is `sip_flows 3`. Lists and texts are for people, not for graphs. */
function* numbersOf(description: object, path = ''): Generator<[string, number]> {
  for (const [key, value] of Object.entries(description)) {
    const name = path === '' ? plain(key) : `${path}_${plain(key)}`
    if (typeof value === 'number' && Number.isFinite(value)) yield [name, value]
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) yield* numbersOf(value, name)
  }
}

function* processNumbers(): Generator<[string, number]> {
  const cpu = process.cpuUsage()
  yield ['process_resident_memory_bytes', process.memoryUsage.rss()]
  yield ['process_cpu_seconds', (cpu.user + cpu.system) / 1e6]
  yield ['process_uptime_seconds', process.uptime()]
  const written = writtenBytes()
  if (written !== undefined) yield ['process_written_bytes', written]
}

/** To disks, since the process started; undefined where the system does not tell. */
function writtenBytes(): number | undefined {
  try {
    const [, digits] = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1')) ?? []
    return digits === undefined ? undefined : Number(digits)
  } catch {
    return undefined
  }
}
