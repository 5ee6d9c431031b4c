import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { unpackTar } from 'modern-tar'
import t from 'tap'
import { loadConfig } from '../base/config.ts'
import { Counters } from '../base/counters.ts'
import type { StatusService } from '../services/status.ts'
import { SUPPORT_FILES } from '../services/support.ts'
import { Support } from './support.ts'

/** What must never be in a bundle, wherever in the box it is. */
const CANARIES = ['pass word canary', 'c0ffeec0'.repeat(4), 'xdms canary secret']

const TOML = `domain = "example.org"
[[user]]
aor = "sip:alice@example.org"
password = "${CANARIES[0]}"
[[user]]
aor = "sip:bob@example.org"
ha1_md5 = "${CANARIES[1]}"
[xdms]
root = "https://lists.example.net/"
user = "sip:box@example.org"
password = "${CANARIES[2]}"
`

async function filesOf(isWithAddresses: boolean): Promise<Map<string, string>> {
  const loaded = loadConfig(TOML, 'restante.toml')
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  const counters = new Counters()
  counters.count('push_ended', 'kept')
  const support = new Support({
    config: loaded.config,
    dataDir: t.testdir({}),
    counters,
    status: {
      status: async () => ({ problem: 'mailbox of sip:carol@example.org and dave@example.net' }),
    } as Partial<StatusService> as StatusService,
    describe: async () => ({ mailboxes: { 'sip:carol@example.org': 3 } }),
    wall: () => Date.UTC(2030, 0, 2, 3, 4, 5),
  })
  const { fileName, bytes } = await support.bundle(isWithAddresses)
  t.equal(fileName, 'restante-support-2030-01-02T030405.tar.gz')
  const entries = await unpackTar(new Uint8Array(gunzipSync(bytes)))
  return new Map(entries.map(({ header, data }) => [header.name, Buffer.from(data!).toString()]))
}

t.test('a bundle has the files that were told, and its list says what they are', async t => {
  const files = await filesOf(false)
  t.same([...files.keys()].sort(), ['manifest.json', ...SUPPORT_FILES].map(name => `support/${name}`).sort())
  const { files: listed } = JSON.parse(files.get('support/manifest.json')!)
  for (const { name, sha256 } of listed)
    t.equal(
      createHash('sha256')
        .update(files.get(`support/${name}`)!)
        .digest('hex'),
      sha256,
      name,
    )
  t.match(files.get('support/counters.json'), /push_ended/)
})

t.test('passwords and hashes of them are in no bundle, addresses in none that was not to have them', async t => {
  for (const isWithAddresses of [false, true]) {
    const all = [...(await filesOf(isWithAddresses)).values()].join('\n')
    for (const canary of CANARIES) t.notOk(all.includes(canary), canary)
    for (const name of ['carol@', 'dave@', 'box@']) t.equal(all.includes(name), isWithAddresses, name)
    t.notOk(all.includes('alice@'), 'accounts of the configuration are counted')
  }
})

t.test('one user has one name throughout a bundle, and another in the next', async t => {
  const name = (files: Map<string, string>, file: string): string | undefined =>
    /user-\w+@example\.org/.exec(files.get(`support/${file}`)!)?.[0]
  const [one, other] = [await filesOf(false), await filesOf(false)]
  t.ok(name(one, 'status.json'))
  t.equal(name(one, 'status.json'), name(one, 'numbers.json'))
  t.not(name(one, 'status.json'), name(other, 'status.json'))
  t.match(one.get('support/status.json'), /user-\w+@elsewhere\.invalid/)
})
