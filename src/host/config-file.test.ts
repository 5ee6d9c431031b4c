import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from './config-file.ts'

const dir = t.testdir({ 'good.toml': 'domain = "example.org"\n', 'empty.toml': '', folder: {} })

const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(dir, name), content)
  return join(dir, name)
}

const refusal = (path: string): string => {
  try {
    readConfig(path)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

/** A named pipe that the output of a command comes through. */
const pipeOf = (name: string, command: string): string => {
  const pipe = join(dir, name)
  execFileSync('mkfifo', [pipe])
  spawn('sh', ['-c', `${command} > '${pipe}'`], { stdio: 'ignore' })
  return pipe
}

/** As a user without root's rights over files. */
const asNobody = (work: () => void) => {
  const isRoot = process.geteuid!() === 0
  if (isRoot) process.seteuid!(65534)
  try {
    work()
  } finally {
    if (isRoot) process.seteuid!(0)
  }
}

t.test('a file, with or without a byte order mark, and a pipe', async t => {
  t.match(readConfig(join(dir, 'good.toml')), { config: { domain: 'example.org' } })
  t.match(readConfig(file('bom.toml', '\ufeffdomain = "example.net"')), { config: { domain: 'example.net' } })
  t.match(readConfig(pipeOf('domain', `echo 'domain = "example.com"'`)), { config: { domain: 'example.com' } })
})

t.test('what cannot be the configuration is told in words, with its path and what to do', async t => {
  const cases: [path: string, reason: string][] = [
    [join(dir, 'nothing.toml'), 'cannot be read: there is no such file or folder. Check the path.'],
    [join(dir, 'folder'), 'cannot be read: it is a folder. Name a file of TOML with --config FILE.'],
    ['/dev/zero', 'cannot be read: it is a device or a socket. Name a file of TOML with --config FILE.'],
    [join(dir, 'good.toml', 'x'), 'cannot be read: a part of the path is a file, not a folder. Check the path.'],
    [join(dir, 'n'.repeat(300)), 'cannot be read: the name is too long. Choose a shorter one.'],
  ]
  for (const [path, reason] of cases) t.equal(refusal(path), `${path}: ${reason}`)
  const circle = join(dir, 'circle.toml')
  symlinkSync('circle.toml', circle)
  t.equal(refusal(circle), `${circle}: cannot be read: its symbolic links lead in a circle. Correct the links.`)
  t.equal(refusal(''), '--config names no file. Give its path.')
})

t.test('a file that this user may not read', async t => {
  const path = file('secret.toml', 'domain = "example.org"')
  chmodSync(path, 0)
  asNobody(() => t.match(refusal(path), /cannot be read: this user has no permission\. Run this as a user who has/))
})

t.test('a certificate that this user may not read, and one that is a folder', async t => {
  const folder = join(dir, 'pem')
  mkdirSync(folder)
  const key = file('key.pem', 'x')
  chmodSync(key, 0)
  const path = file('tls.toml', `domain = "example.org"\n[tls]\ncertificate = "${folder}"\nkey = "${key}"`)
  asNobody(() => {
    const [certificate, ...more] = refusal(path).split('\n')
    t.match(certificate, /tls\.toml:tls\.certificate: ".*" cannot be read: it is a folder, allowed: a PEM file/)
    t.match(more, [/tls\.toml:tls\.key: ".*" cannot be read: this user has no permission, allowed: a PEM file/])
  })
})

t.test('an empty file, bytes that are not UTF-8, and ten megabytes', async t => {
  const empty = join(dir, 'empty.toml')
  t.match(refusal(empty), `${empty}:domain: missing, allowed: `)
  const latin1 = file('latin1.toml', Buffer.from('# café\ndomain = "example.org"', 'latin1'))
  t.match(refusal(latin1), `${latin1}:1: byte 0xe9, the 6. of the file, is not UTF-8, allowed: a file saved as UTF-8`)
  const big = file('big.toml', '#'.repeat(10_000_000))
  t.match(refusal(big), `${big}: is larger than 8000000 bytes. `)
  const comment = file('comment.toml', `domain = "example.org"\n#${'x'.repeat(7_900_000)}\n`)
  t.match(readConfig(comment), { config: { domain: 'example.org' } })
})

t.test('an endless pipe is read to the bound', async t => {
  t.match(refusal(pipeOf('endless', "yes '# no end'")), /is larger than 8000000 bytes/)
})
