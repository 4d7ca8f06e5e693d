import { describe, expect, it } from 'vitest';
import type { Schemas } from '../api/client';
import { actionWords, adviceFor, apart, asCsv, asJsonLines, changersOf, type Decision, headline, spanWords, toneOf, withNews } from './decisions-words';

const DECISION = {
  action: 'connect',
  cursor: '7.0',
  decided_at: '2026-11-22T10:00:00Z',
  decision_id: 'evt_7',
  detail: '',
  device_id: '=cmd()',
  effect: 'deny',
  kind: 'refuse',
  module_id: null,
  policies: ['one', 'two'],
  reason: 'policy_denied',
  repeated: 3,
} as unknown as Decision;

function access(more: object, asked: object): Schemas['AccessView'] {
  return {
    device_id: 'a/b',
    module_id: null,
    quarantine: null,
    risk_level: 'low',
    actions: [{ action: 'connect', is_permitted: false, reason: 'policy_denied', policies: [], errors: [], ...asked }],
    ...more,
  } as unknown as Schemas['AccessView'];
}

describe('a decision', () => {
  it('is said in words, also where its action is a new one', () => {
    expect(headline(DECISION)).toBe('Refused to connect');
    expect(headline({ ...DECISION, kind: 'cut' })).toBe('Cut off');
    expect(actionWords('sendTelemetry')).toBe('send telemetry');
    expect(actionWords('openValve')).toBe('open valve');
    expect(apart('credentialAgeHours')).toBe('credential age hours');
    expect(toneOf({ kind: 'outside', effect: 'allow' })).toBe('good');
    expect(toneOf({ kind: 'cut', effect: 'deny' })).toBe('bad');
  });

  it('has advice for this very device', () => {
    expect(adviceFor('vedette access explain DEVICE', 'pump-3')).toBe('vedette access explain pump-3');
    expect(adviceFor('vedette access explain DEVICE', '$(reboot) $&')).toBe("vedette access explain '$(reboot) $&'");
  });

  it('stands once among those that came later', () => {
    const at = (cursor: string) => ({ ...DECISION, cursor });
    const all = withNews([at('9.0'), at('8.0'), at('7.0')], [at('7.0'), at('5.0')]);
    expect(all.map((each) => each.cursor)).toEqual(['9.0', '8.0', '7.0', '5.0']);
    expect(withNews([at('10.0')], [at('9.0')])[0]?.cursor).toBe('10.0');
    expect(withNews([at('1.0')], [])).toHaveLength(1);
  });

  it('is written for spreadsheets without a formula, and whole for programs', () => {
    const [, row] = asCsv([DECISION]).split('\r\n');
    expect(row).toContain(",'=cmd(),");
    expect(row).toContain(',one two,');
    expect(JSON.parse(asJsonLines([DECISION]))).toEqual(DECISION);
  });
});

describe('a span', () => {
  it('is said in the unit that fits', () => {
    expect([4, 950, 1_250, 90_000, 7_200_000, 400_000_000].map(spanWords)).toEqual([
      '4 ms',
      '950 ms',
      '1.3 s',
      '1.5 min',
      '2 h',
      '5 days',
    ]);
  });
});

describe('what would change a refusal', () => {
  it('names what stands against the identity now', () => {
    const policies = [{ policy: 'quarantine-is-a-limited-zone' }, { policy: 'high-risk-is-a-limited-zone' }];
    const found = changersOf(access({ quarantine: { mode: 'limited' }, risk_level: 'high' }, { policies }), 'connect');
    expect(found.map((each) => each.to)).toEqual(['/quarantine?device=a%2Fb', '/devices/a%2Fb?tab=access']);
    expect(changersOf(access({}, { reason: 'disabled' }), 'connect')[0]?.text).toBe('Enabling it');
    expect(changersOf(access({}, {}), 'connect')[0]?.text).toContain('none does');
  });

  it('is nothing where the answer is yes by now', () => {
    expect(changersOf(access({}, { is_permitted: true }), 'connect')).toEqual([]);
    expect(changersOf(access({}, {}), 'fly')).toEqual([]);
  });
});
