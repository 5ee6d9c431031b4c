import type { Log } from '../base/log.ts'
import type { Role } from '../services/access.ts'
import type { ConsoleServices } from './services.ts'

const ROLES: readonly string[] = ['admin', 'operator', 'viewer'] satisfies Role[]

/** Whoever is called as a role has it, with the password `right`; beside that a box has what the test gives it. */
export function boxWith(parts: Partial<ConsoleServices> = {}) {
  const logged: string[] = []
  const write = (msg: string, fields?: object): void => void logged.push(JSON.stringify({ msg, ...fields }))
  const log: Log = { debug: write, info: write, warn: write, error: write }
  const signedIn = new Map<string, string>()
  const box = {
    access: {
      isNew: false,
      hasPrintedPassword: false,
      signIn: async ({ name, password }: { name: string; password: string }) => {
        if (name === 'busy') return { kind: 'busy' }
        if (name === 'slow') return { kind: 'wait', seconds: 30 }
        if (password !== 'right' || !ROLES.includes(name)) return { kind: 'wrong' }
        signedIn.set(`cookie of ${name}`, name)
        return { kind: 'in', cookie: `cookie of ${name}`, who: { name, role: name, by: 'session', session: 's1' } }
      },
      withPassword: async ({ password }: { password: string }) => ({ kind: password === 'right' ? 'in' : 'wrong' }),
      session: (cookie: string) => {
        const name = signedIn.get(cookie)
        return name && { name, role: name, by: 'session', session: 's1' }
      },
      signOut: (cookie: string) => signedIn.delete(cookie),
      sessions: () => [],
      administrators: () => [{ name: 'admin', role: 'admin', changedAt: 1.9e12 }],
    },
    log,
    hostname: 'edge1.example.org',
    domain: 'example.org',
    version: '1.2.3',
    about: { runtime: 'Node 24' },
    ...parts,
  } as unknown as ConsoleServices
  return { box, logged, signedIn }
}
