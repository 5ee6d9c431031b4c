import t from 'tap'
import { parseNameAddr } from '../sip-parser-lite/typed.ts'
import { contactParams, hasFeature, thousandths } from './contact-params.ts'

t.test('RFC 3840 9: header parameters are kept as spelled, less expires', async t => {
  const cases: [string, string][] = [
    ['<sip:bob@192.0.2.1>', ''],
    ['<sip:bob@192.0.2.1;ob;x=1>', ''],
    ['<sip:bob@192.0.2.1> ; Q=0.7;EXPIRES = 60 ;+g.oma.sip-im="TRUE"', ';Q=0.7;+g.oma.sip-im="TRUE"'],
    ['sip:bob@192.0.2.1;q=0.3;expires=9', ';q=0.3'],
    ['"a <;> \\" b" <sip:bob@192.0.2.1>;methods="INVITE,;expires=1";audio', ';methods="INVITE,;expires=1";audio'],
    ['<sip:bob@192.0.2.1>;expiresx=1;;', ';expiresx=1'],
  ]
  for (const [value, params] of cases) t.equal(contactParams(value), params, value)
})

t.test('DM-DLV-01: +g.oma.sip-im is seen in any spelling, and only where it is', async t => {
  const has = (params: string): boolean => hasFeature(parseNameAddr(`<sip:b@h>${params}`).params, '+g.oma.sip-im')
  for (const params of [
    ';+g.oma.sip-im',
    ';+G.OMA.SIP-IM',
    ';+g.oma.sip-im="TRUE"',
    ';+g.oma.sip-im="true"',
    ';+g.oma.sip-im=""',
    ';audio;+g.oma.sip-im="FALSE,TRUE";video',
  ])
    t.ok(has(params), params)
  for (const params of [
    '',
    ';+g.oma.sip-im="FALSE"',
    ';+g.oma.sip-im.large-message',
    ';g.oma.sip-im',
    ';x="+g.oma.sip-im"',
  ])
    t.notOk(has(params), params)
})

t.test('RFC 3261 25.1 qvalue: in thousandths, or refused', async t => {
  for (const [q, wanted] of [
    [undefined, 1000],
    ['1', 1000],
    ['1.000', 1000],
    ['0', 0],
    ['0.7', 700],
    ['0.333', 333],
    ['.5', 500],
  ] as const)
    t.equal(thousandths(q), wanted, `${q}`)
  for (const q of ['', '.', '1.1', '2', '0.1234', '-1', 'high', '1e0']) t.equal(thousandths(q), undefined, q)
})
