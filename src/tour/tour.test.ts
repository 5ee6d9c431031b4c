import t from 'tap'
import { isServing, OwnBox } from './box.ts'
import { runTour } from './tour.ts'

async function told(...args: string[]): Promise<{ code: number; text: string }> {
  let text = ''
  const code = await runTour(args, more => (text += more))
  return { code, text }
}

t.test('contract scripts/try: help, wrong usage, and a box that is not there', async t => {
  const help = await told('--help')
  t.equal(help.code, 0)
  t.match(help.text, /^Usage: \.\/scripts\/try \[--verbose\]/)
  t.equal((await told('--bogus')).code, 2)
  const missing = await told('--config', 'nowhere.toml')
  t.equal(missing.code, 1)
  t.match(missing.text, /nowhere\.toml cannot be read/)
})

t.test('contract scripts/try: shows the whole story on a running box and leaves nothing behind', async t => {
  const box = await OwnBox.start()
  t.teardown(() => box.end())
  const { code, text } = await told('--verbose', '--config', box.file)
  t.equal(code, 0, text)
  t.equal(text.match(/-> 202: it is on stable storage/g)?.length, 4)
  t.match(text, /A power cut: left out/)
  t.match(text, /bob <-- box {2}SIP over UDP [^\n]+\n {5}\| INVITE /)
  t.match(text, /bob <-- box {2}MSRP over TCP [^\n]+\n {5}\| MSRP \S+ SEND/)
  t.match(text, /From: <sip:tour-alice-[^\n]+\n {5}"Bring the map\."/)
  t.match(text, /bob <-- box {2}SIP over UDP [^\n]+\n {5}\| MESSAGE /)
  t.equal(text.match(/^ {3}Removed sip:tour-/gm)?.length, 2)
  await box.killAndStart()
  t.ok(await isServing(box.config))
})
