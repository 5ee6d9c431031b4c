import t from 'tap'
import type { WallTime } from '../../base/time.ts'
import type { Binding } from '../../sip/binding.ts'
import { planOf, rungsAfter } from './rungs.ts'

const binding = (name: string, registeredAt: number, isInstantMessaging: boolean): Binding => ({
  contact: `sip:${name}@192.0.2.1`,
  params: '',
  q: 1000,
  callId: name,
  cseq: 1,
  registeredAt: registeredAt as WallTime,
  expiresAt: 9e15 as WallTime,
  path: [],
  flow: {
    id: name,
    transport: 'udp',
    local: { address: '192.0.2.2', port: 5060 },
    remote: { address: '192.0.2.1', port: 5060 },
  },
  isInstantMessaging,
})

const old = binding('old', 1, true)
const recent = binding('recent', 2, true)
const plain = binding('plain', 3, false)
const names = (rungs: ReturnType<typeof planOf>): string[] => rungs.map(rung => `${rung.form} ${rung.binding.callId}`)

t.test(
  'auto: MSRP where the feature tag is, latest contact first, then SIP MESSAGE (DM-DLV-01, docs/protocol.md)',
  async t => {
    t.same(names(planOf('auto', [old, plain, recent], undefined)), [
      'msrp recent',
      'msrp old',
      'message recent',
      'message old',
      'message plain',
    ])
  },
)

t.test('docs/protocol.md: the contact that just registered goes first', async t => {
  t.equal(names(planOf('auto', [old, recent], old.contact))[0], 'msrp old')
})

t.test('msrp leaves plain clients out; message asks everybody', async t => {
  t.same(names(planOf('msrp', [plain, old], undefined)), ['msrp old'])
  t.same(names(planOf('message', [old, plain], undefined)), ['message plain', 'message old'])
})

t.test('a contact that cannot is asked in another form, one that is away is not', async t => {
  const rungs = planOf('auto', [old, plain], undefined)
  const first = rungs[0]!
  t.same(names(rungsAfter(rungs, first, { kind: 'unfit', delivered: 0, why: '488' })), ['message old', 'message plain'])
  t.same(names(rungsAfter(rungs, first, { kind: 'kept', delivered: 0, why: '486' })), ['message plain'])
})

t.test('a mailbox half handed over is not split between devices', async t => {
  const rungs = planOf('auto', [old, plain], undefined)
  t.same(rungsAfter(rungs, rungs[0]!, { kind: 'kept', delivered: 1, why: 'connection lost' }), [])
})
