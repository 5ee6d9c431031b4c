import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { value } from '../sip-parser-lite/access.ts'
import type { Arrived, RegisterOptions } from '../testing/phone-types.ts'
import { isServing, OwnBox, readConfig, runningBox, sipHop, type TourBox } from './box.ts'
import { restante } from './command-line.ts'
import { Narrator } from './narrator.ts'
import { SocketPhone } from './socket-phone.ts'
import { StoryError, until } from './story-error.ts'

const USAGE = `Usage: ./scripts/try [--verbose] [--config FILE]

A guided tour: Alice writes to Bob, who is away; the box keeps the messages, and hands them over when he is back.
Without --config it visits the box that ./scripts/start runs, if there is one, else one that it starts for itself in a
temporary folder and may kill. It makes accounts of its own and removes them again. --verbose prints every message
on the wire.
`

/** The box that ./scripts/start runs. */
const USUAL = join(import.meta.dirname, '..', '..', 'examples', 'loopback.toml')

/** Longer than a client waits for an answer (RFC 3261 17.1.2.2, Timer F). */
const ANSWER_MS = 35_000

const TEXTS = ['Are you there?', 'The meeting is at ten.', 'Bring the map.']

const SLOW = 'Look at what the box logs; --verbose shows what went over the wire.'

interface Person {
  readonly aor: string
  readonly user: string
  readonly password: string
}

/** One visit: who plays, where, and what is told. */
class Tour {
  readonly #box: TourBox
  readonly #narrator: Narrator
  readonly #alice: Person
  readonly #bob: Person
  readonly #made: Person[] = []
  readonly #phones: SocketPhone[] = []

  constructor(box: TourBox, narrator: Narrator) {
    this.#box = box
    this.#narrator = narrator
    const suffix = randomBytes(3).toString('hex')
    this.#alice = personOf(`tour-alice-${suffix}`, box.config.domain)
    this.#bob = personOf(`tour-bob-${suffix}`, box.config.domain)
  }

  async run(): Promise<void> {
    await this.#makeAccounts()
    const alice = await this.#phoneOf(this.#alice, 'alice')
    await this.#write(alice, TEXTS)
    await this.#survive()
    await this.#comeBack()
    await this.#plainPhone(alice)
  }

  /** Whatever happened: nothing of the tour stays behind. */
  async end(): Promise<void> {
    for (const phone of this.#phones) await phone.close()
    if (this.#made.length > 0) this.#narrator.step('The accounts of the tour are removed.')
    for (const { aor } of this.#made) this.#narrator.say(await restante(this.#box.file, ['user', 'remove', aor]))
  }

  async #makeAccounts(): Promise<void> {
    this.#narrator.step('Two accounts for the tour.')
    for (const person of [this.#alice, this.#bob]) {
      const args = ['user', 'add', person.aor, '--password-stdin']
      this.#narrator.say(await restante(this.#box.file, args, `${person.password}\n`))
      this.#made.push(person)
    }
  }

  async #write(alice: SocketPhone, texts: readonly string[]): Promise<void> {
    const messages = texts.length === 1 ? 'another message' : `${texts.length} messages`
    this.#narrator.step(`Bob is away: no phone of his is registered. Alice writes ${messages}.`)
    for (const text of texts) {
      const sent = alice.act(now => alice.phone.message(now, { to: this.#bob.aor, body: text }))!
      await until(() => sent.status !== undefined, ANSWER_MS, 'An answer to a MESSAGE', SLOW)
      if (sent.status !== 202)
        throw new StoryError(
          `"${text}" was answered ${sent.status} ${sent.warning ?? ''}`,
          'Expected was 202: kept for later.',
        )
      this.#narrator.say(`"${text}" -> 202: it is on stable storage, the box answers for it from now on`)
    }
    this.#narrator.say(`\nscripts/restante queue ${this.#bob.aor}`)
    this.#narrator.say(await this.#queue())
  }

  async #survive(): Promise<void> {
    if (!this.#box.isOwn) {
      this.#narrator.step(
        "A power cut: left out, as this box is not the tour's to kill. With no box running the tour shows it.",
      )
      return
    }
    this.#narrator.step('A power cut: the box is killed with -9 and started again.')
    await this.#box.killAndStart()
    const waiting = await this.#waiting()
    this.#narrator.say(`It is back, and ${waiting} messages wait.`)
    if (waiting !== TEXTS.length)
      throw new StoryError(`${TEXTS.length} had to.`, 'This is a defect: keep the data folder and report it.')
  }

  async #comeBack(): Promise<void> {
    this.#narrator.step('Bob is back: his phone registers as an OMA instant messaging client (+g.oma.sip-im).')
    const bob = await this.#phoneOf(this.#bob, 'bob')
    await this.#register(bob, { isInstantMessaging: true })
    const { inbox } = bob.phone
    await until(() => inbox.invites.length > 0, ANSWER_MS, 'An INVITE to Bob', SLOW)
    this.#narrator.say('The box calls him (INVITE) and hands the messages over in one MSRP session:')
    await until(() => inbox.taken.length >= TEXTS.length, ANSWER_MS, 'The messages', SLOW)
    this.#show(inbox.taken)
    await until(() => inbox.calls.every(({ ended }) => ended === 'bye'), ANSWER_MS, 'The end of the call (BYE)', SLOW)
    this.#narrator.say('The box hangs up (BYE).')
    await this.#emptied()
    await this.#register(bob, { isInstantMessaging: true, expiresS: 0 })
    this.#narrator.say('Bob goes away again.')
  }

  async #plainPhone(alice: SocketPhone): Promise<void> {
    const text = 'One more thing: I am late.'
    await this.#write(alice, [text])
    this.#narrator.step('Bob registers a plain SIP phone, which knows nothing of MSRP.')
    const phone = await this.#phoneOf(this.#bob, 'bob')
    await this.#register(phone, {})
    await until(() => phone.phone.inbox.taken.length > 0, ANSWER_MS, 'The message', SLOW)
    this.#narrator.say('It gets the message as an ordinary SIP MESSAGE:')
    this.#show(phone.phone.inbox.taken)
    await this.#emptied()
    await this.#register(phone, { expiresS: 0 })
  }

  async #register(phone: SocketPhone, options: RegisterOptions): Promise<void> {
    phone.act(now => phone.phone.register(now, options))
    await until(() => phone.phone.registered !== undefined, ANSWER_MS, 'An answer to REGISTER', SLOW)
    if (phone.phone.registered === 200) return
    throw new StoryError(`REGISTER was answered ${phone.phone.registered}.`, SLOW)
  }

  async #emptied(): Promise<void> {
    await until(async () => (await this.#waiting()) === 0, 10_000, 'An empty mailbox', SLOW)
    this.#narrator.say((await this.#queue()).trimEnd())
  }

  #show(arrived: readonly Arrived[]): void {
    for (const { request, body } of arrived) {
      const from = value(request!, 'from')?.replace(/;tag=.*/, '')
      this.#narrator.say(`  From: ${from}  Date: ${value(request!, 'date')}\n  "${body}"`)
    }
  }

  #queue(): Promise<string> {
    return restante(this.#box.file, ['queue', this.#bob.aor])
  }

  async #waiting(): Promise<number> {
    const rows = JSON.parse(await restante(this.#box.file, ['queue', this.#bob.aor, '--json'])) as unknown[]
    return rows.length
  }

  async #phoneOf({ user, password }: Person, who: string): Promise<SocketPhone> {
    const server = sipHop(this.#box.config)
    const { domain } = this.#box.config
    const onWire = this.#narrator.wire(who)
    const phone = await SocketPhone.open({ user, domain, password, server, address: server.address, onWire })
    this.#phones.push(phone)
    return phone
  }
}

const personOf = (user: string, domain: string): Person => ({
  user,
  aor: `sip:${user}@${domain}`,
  password: randomBytes(12).toString('base64url'),
})

async function findBox(file: string | undefined, narrator: Narrator): Promise<TourBox> {
  if (file !== undefined) {
    const config = readConfig(file)
    if (!(await isServing(config)))
      throw new StoryError(
        `No box with ${file} answers on this machine.`,
        `Start it: scripts/restante serve --config ${file}`,
      )
    return runningBox(file, config)
  }
  if (existsSync(USUAL)) {
    const config = readConfig(USUAL)
    if (await isServing(config)) {
      narrator.say('Visiting the box that ./scripts/start runs.')
      return runningBox(USUAL, config)
    }
  }
  narrator.say('No box runs yet: the tour starts one of its own, in a temporary folder.')
  return OwnBox.start()
}

/** Exit code: 0 everything was shown, 1 something was not as it should be, 2 usage. */
export async function runTour(args: readonly string[], write: (text: string) => void): Promise<number> {
  let options: { verbose?: boolean; help?: boolean; config?: string }
  try {
    const known = {
      verbose: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      config: { type: 'string' },
    } as const
    options = parseArgs({ args: [...args], options: known }).values
  } catch (error) {
    write(`${(error as Error).message}\n\n${USAGE}`)
    return 2
  }
  if (options.help) {
    write(USAGE)
    return 0
  }
  const narrator = new Narrator(write, options.verbose ?? false)
  try {
    await visit(options.config, narrator)
    write('\nThat is what Restante does. ./scripts/start runs it; docs/ says the rest.\n')
    return 0
  } catch (error) {
    if (!(error instanceof StoryError)) throw error
    write(`\nThe tour ends here. ${error.message}\n${error.advice}\n`)
    return 1
  }
}

async function visit(file: string | undefined, narrator: Narrator): Promise<void> {
  const box = await findBox(file, narrator)
  const tour = new Tour(box, narrator)
  try {
    await tour.run()
  } finally {
    try {
      await tour.end()
    } finally {
      await box.end()
    }
  }
}

if (import.meta.main) {
  for (const [signal, number] of [
    ['SIGHUP', 1],
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)
    process.once(signal, () => process.exit(128 + number))
  process.exitCode = await runTour(process.argv.slice(2), text => process.stdout.write(text))
}
