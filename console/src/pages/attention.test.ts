import { describe, expect, it } from 'vitest';
import type { Schemas } from '../api/client';
import { matters } from './attention';

const now = Date.parse('2026-11-22T12:00:00Z');
const nothing = { status: undefined, refusals: [], back: new Set<string>(), clones: [], silent: 0, flagged: undefined, now };

describe('what needs attention', () => {
  it('is nothing when all is well', () => {
    expect(matters(nothing)).toEqual([]);
  });
  it('counts refusals of one device together and puts the worst first', () => {
    const refusal = { device_id: 'pump', reason: 'disabled', hint: 'enable it', repeated: 3 } as Schemas['DecisionView'];
    const clone = { alert_id: 'a', is_open: true, device_id: 'pump', module_id: null } as Schemas['CloneAlertView'];
    const found = matters({ ...nothing, refusals: [refusal, refusal], clones: [clone], silent: 1 });
    expect(found.map((each) => each.tone)).toEqual(['bad', 'warn', 'info']);
    expect(found[1]?.title).toBe('Refused 6 times: disabled');
    expect(found[2]?.title).toBe('1 active device is not connected');
  });
  it('says nothing of a refused device that is connected by now', () => {
    const refusal = { device_id: 'pump', reason: 'disabled', hint: 'enable it', repeated: 3 } as Schemas['DecisionView'];
    expect(matters({ ...nothing, refusals: [refusal], back: new Set(['pump']) })).toEqual([]);
  });
});
