import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isBuilt, RESTANTE } from '../testing/program-under-test.ts'
import { BoxProcess } from './box.ts'
import { finishSetup, PASSWORD } from './browser.ts'

/** What only the program in one file can have wrong: something that it needs lies beside it no more (`./scripts/test --binary FILE`). */

const PASSED_OVER = 'there is no program that was built to try (./scripts/test --binary FILE), so this is passed over'

t.test('built: runs where there is nothing else, and takes no flags of Node from its environment', async t => {
  if (!isBuilt) return t.pass(PASSED_OVER)
  const cwd = t.testdir({})
  const env = { PATH: '/nonexistent', NODE_OPTIONS: '--require=/nonexistent.js --inspect', NODE_PATH: '/nonexistent' }
  const { status, stdout, stderr } = spawnSync(RESTANTE[0], ['version'], { cwd, env, encoding: 'utf8' })
  t.equal(stderr, '')
  t.equal(status, 0)
  t.match(stdout, /^restante \d+\.\d+\.\d+\nNode\.js \d+\.\d+\.\d+\n$/)
  t.same(readdirSync(cwd), [])
})

t.test('built: the page has the manual, every licence and the list of what is inside', async t => {
  if (!isBuilt) return t.pass(PASSED_OVER)
  const dir = t.testdir({ tmp: {} })
  const env = { PATH: '/nonexistent', RUNTIME_DIRECTORY: join(dir, 'tmp') }
  const box = await BoxProcess.start(join(dir, 'box'), { users: [], env })
  t.teardown(() => box.discard())
  const left = readdirSync(join(dir, 'tmp')).filter(name => name.startsWith('restante-'))
  t.same(left, [], 'compiled parts leave no file behind')
  await finishSetup(box)
  const at = `http://127.0.0.1:${box.httpPort}`
  const body = new URLSearchParams({ name: 'admin', password: PASSWORD })
  const signedIn = await fetch(`${at}/login`, { method: 'POST', body, headers: { origin: at }, redirect: 'manual' })
  const cookie = signedIn.headers
    .getSetCookie()
    .map(each => each.split(';')[0])
    .join('; ')
  const read = async (path: string) => {
    const answer = await fetch(`${at}${path}`, { headers: { cookie }, redirect: 'manual' })
    return { status: answer.status, text: await answer.text() }
  }
  const about = await read('/about')
  t.equal(about.status, 200)
  const paths = [...about.text.matchAll(/href="(\/about\/[^"]+)"/g)].map(([, path]) => path!.replaceAll('&amp;', '&'))
  const isOf = (kind: string) => paths.filter(path => path.startsWith(`/about/${kind}`)).length
  t.ok(isOf('licence') > 50 && isOf('manual.md') === 1 && isOf('sbom.json') === 1)
  for (const path of paths) t.match(await read(path), { status: 200, text: /\S{3}/ }, path)
  const { components } = JSON.parse((await read('/about/sbom.json')).text)
  const names = components.map(({ name }: { name: string }) => name)
  for (const name of ['node', `node-linux-${process.arch}`, 'lmdb', 'serialport', 'fastify'])
    t.ok(names.includes(name), name)
  t.notOk(names.includes('msgpackr-extract'), 'which is left out')
})
