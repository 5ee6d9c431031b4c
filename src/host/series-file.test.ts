import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Log, silentLog } from '../base/log.ts'
import type { KeptSeries } from './series.ts'
import { readSeries, writeSeries } from './series-file.ts'

const KEPT: KeptSeries = { hour: [[1, 60_000, 1, 2, 3, 4, 5]], day: [], week: [] }

const telling = (): { log: Log; told: string[] } => {
  const told: string[] = []
  return { told, log: { ...silentLog, warn: msg => told.push(msg) } }
}

t.test('what is written is read again', async t => {
  const dir = t.testdir({})
  t.equal(readSeries(dir, silentLog), undefined, 'nothing at the first start')
  writeSeries(dir, KEPT, silentLog)
  t.same(readSeries(dir, silentLog), KEPT)
})

t.test('a damaged, foreign or huge file is told, and the plots begin anew', async t => {
  const bad = [
    '',
    '{"hour":',
    'null',
    '[]',
    '{"hour":[],"day":[]}',
    '{"hour":[[1,2]],"day":[],"week":[]}',
    '{"hour":[[1,2,3,4,5,6,"7"]],"day":[],"week":[]}',
    '{"hour":[[1,2,3,4,5,6,-7]],"day":[],"week":[]}',
    JSON.stringify({ ...KEPT, hour: Array(1001).fill(KEPT.hour[0]) }),
    `${JSON.stringify(KEPT)}${' '.repeat(300_000)}`,
  ]
  for (const text of bad) {
    const dir = t.testdir({ 'series.json': text })
    const { log, told } = telling()
    t.equal(readSeries(dir, log), undefined, text.slice(0, 60))
    t.match(told, [/begin anew/])
  }
})

t.test('a disk that takes nothing stops nobody, and what stood there stays', async t => {
  const dir = t.testdir({ 'series.json': JSON.stringify(KEPT) })
  mkdirSync(join(dir, 'series.json.new'))
  writeSeries(dir, { ...KEPT, hour: [] }, silentLog)
  t.same(JSON.parse(readFileSync(join(dir, 'series.json'), 'utf8')), KEPT)
  writeFileSync(join(dir, 'series.json'), '')
})
