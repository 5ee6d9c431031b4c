import fc from 'fast-check'
import t from 'tap'
import { SipSyntaxError } from '../../sip-parser-lite/message.ts'
import { parseUri } from '../../sip-parser-lite/uri.ts'
import { readHistoryParams, readSelection, withHistoryParams } from './history-uri.ts'

const HISTORY = 'sip:history@example.org'
const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

t.test('HIS-REF-08: the file name stands in the History Type uri-parameter, in each way it is written', async t => {
  const ways: Record<string, string> = {
    ';history-type=session;filename=Plan%20B': 'Plan B',
    ';filename=Plan%20B': 'Plan B',
    ';FileName=Plan%20B;History-Type=all': 'Plan B',
    ';history-type=filename%3DPlan%20B': 'Plan B',
    ';historytype=filename%3DPlan%20B': 'Plan B',
    ';history_type=session%3Bfilename%3DPlan%20B': 'Plan B',
    ';filename=%22Plan%20B%22': 'Plan B',
    ';filename=%22': '"',
    ';filename=a%3Bb': 'a;b',
    ';transport=tcp;filename=%C3%84rger': utf8('Ärger'),
    ';filename=A%CC%88rger': utf8('Ärger'),
  }
  for (const [params, filename] of Object.entries(ways))
    t.equal(readHistoryParams(HISTORY + params).filename, filename, params)
  for (const none of ['', ';history-type=session', ';filename', ';filename=%00', ';filename=..', ';filename=%20.%20'])
    t.equal(readHistoryParams(HISTORY + none).filename, undefined, none)
})

t.test('the type is one of three, and anything else is none', async t => {
  const types: Record<string, string | undefined> = {
    ';history-type=session': 'session',
    ';history-type=PAGER': 'pager',
    ';history_type=all;filename=x': 'all',
    ';history-type=session%3Bfilename%3Dx': 'session',
    ';history-type=sessions': undefined,
    ';history-type=7': undefined,
    ';history-type=filename%3Dsession': undefined,
    ';history-type': undefined,
    '': undefined,
  }
  for (const [params, type] of Object.entries(types)) t.equal(readHistoryParams(HISTORY + params).type, type, params)
  const unknown = Object.keys(types).filter(params => readHistoryParams(HISTORY + params).isTypeUnknown)
  t.same(unknown, [';history-type=sessions', ';history-type=7'])
})

t.test('HIS-REF-08: a hostile file name leads nowhere and hides nothing', async t => {
  const names: Record<string, string> = {
    '..%2F..%2Fetc%2Fpasswd': '_.._etc_passwd',
    '%5C%5Chost%5Cshare': '__host_share',
    'C%3A%5Cautoexec.bat': 'C__autoexec.bat',
    'a%00b%0D%0AX-Evil:%20c': 'abX-Evil_ c',
    '%E2%80%AEgpj.exe': 'gpj.exe',
    '%EF%BC%8Fetc': '_etc',
    '.bashrc': 'bashrc',
    'x.%20.': 'x',
    '%FF%FE': utf8('\ufffd\ufffd'),
  }
  for (const [escaped, name] of Object.entries(names))
    t.equal(readHistoryParams(`${HISTORY};filename=${escaped}`).filename, name, escaped)
  const long = readHistoryParams(`${HISTORY};filename=${'%C3%A4'.repeat(200)}`).filename
  t.equal(long, utf8('ä'.repeat(64)), 'cut between characters')
})

t.test('HIS-INV-06: the parameters are carried byte for byte', async t => {
  const raw = ';History-Type=session;fileName=%c3%84%2f..'
  const { raw: carried } = readHistoryParams(
    `sip:history@example.org:5070;lr;History-Type=session;x=y;fileName=%c3%84%2f..?Subject=b`,
  )
  t.equal(carried, raw)
  t.equal(withHistoryParams('sip:factory@example.net;user=phone', carried), `sip:factory@example.net;user=phone${raw}`)
  t.equal(withHistoryParams('sip:factory@example.net?a=b', carried), `sip:factory@example.net${raw}?a=b`)
  t.equal(
    withHistoryParams('sip:f@h;filename=own', carried),
    'sip:f@h;filename=own;History-Type=session',
    'no name twice',
  )
  t.equal(withHistoryParams('sip:[2001:db8::1]', ''), 'sip:[2001:db8::1]')
  t.equal(readHistoryParams('sip:a;filename=x@example.org').raw, '', 'of a user name, not of the URI')
})

t.test('a selection says what, from when to when, with whom and after what', async t => {
  t.same(readSelection(HISTORY), { type: 'all' })
  const at = Date.UTC(2026, 1, 3, 4, 5, 6)
  t.same(
    readSelection(
      `${HISTORY};history-type=pager;since=2026-02-03T04:05:06Z;until=20260203T050506Z;peer=sip%3aBob%40Example.ORG%3btag;after=sip%3Ak7%40box.example.org`,
    ),
    { type: 'pager', since: at, until: at + 3_600_000, peer: 'sip:Bob@example.org', after: 'sip:k7@box.example.org' },
  )
  t.match(readSelection(`${HISTORY};since=2026-02-03T06:05:06.25%2B02:00`), { since: at + 250 })
  t.match(readSelection(`${HISTORY};since=2026-02-03t04:05:06.9999z`), { since: at + 999 })
  t.match(readSelection(`${HISTORY};until=2026-02-02T23:05:06-05:00`), { until: at })
  t.match(readSelection(`${HISTORY};peer=bob%40example.org`), { peer: 'sip:bob@example.org' })
  t.match(readSelection(`${HISTORY};peer=tel%3A%2B49-30-1`), { peer: 'tel:+49301' })
  t.match(readSelection(`${HISTORY};peer=anonymous`), { peer: 'anonymous' })
})

t.test('a selection that cannot be read is refused by name', async t => {
  const wrong: Record<string, RegExp> = {
    'history-type=sessions': /history-type/,
    'history-type': /history-type/,
    'since=yesterday': /since/,
    since: /since/,
    'since=2026-02-30T00:00:00Z': /since/,
    'since=2026-13-01T00:00:00Z': /since/,
    'until=2026-02-03T24:00:00Z': /until/,
    'until=2026-02-03T00:00:00': /until/,
    'until=2026-02-03T00:00:00%2B25:00': /until/,
    'peer=%00': /peer/,
    peer: /peer/,
    'peer=sip%3A': /peer/,
    'after=12': /after/,
    [`after=sip%3A${'x'.repeat(300)}%40h`]: /after/,
  }
  for (const [param, name] of Object.entries(wrong))
    t.match(readSelection(`${HISTORY};${param}`), { status: 400, reason: name }, param)
})

t.test('no URI breaks the readers, and no name from one is anything but a short name', async t => {
  const hex = (byte: number): string => `%${byte.toString(16).padStart(2, '0')}`
  const escaped = fc.uint8Array({ maxLength: 200 }).map(bytes => [...bytes].map(hex).join(''))
  const param = fc.tuple(
    fc.constantFrom('filename', 'history-type', 'historytype', 'since', 'until', 'peer', 'after', 'x'),
    fc.oneof(
      escaped,
      escaped.map(text => `filename%3D${text}`),
      fc.string({ maxLength: 20 }),
    ),
  )
  let named = 0
  const isHandled = fc.property(fc.array(param, { maxLength: 4 }), params => {
    const uri = HISTORY + params.map(([name, value]) => `;${name}=${value}`).join('')
    try {
      const { filename, raw } = readHistoryParams(uri)
      parseUri(withHistoryParams('sip:f@example.net', raw))
      readSelection(uri)
      if (filename === undefined) return true
      named++
      const octets = Buffer.from(filename, 'latin1')
      const text = octets.toString()
      const isWhole = Buffer.from(text).equals(octets)
      return isWhole && octets.length <= 128 && !/[/\\:\p{Cc}\p{Cf}]|^[. ]|[. ]$|^$/u.test(text)
    } catch (error) {
      return error instanceof SipSyntaxError
    }
  })
  t.doesNotThrow(() => fc.assert(isHandled, { numRuns: 2000, seed: 63 }))
  t.ok(named > 100, `${named} had a name`)
})
