import { describe, expect, it } from 'vitest';
import { gather, rowsOf, type Sample } from './policy-report';

const SAMPLE: Sample = {
  change: 'newly_denied',
  action: 'connect',
  device_id: 'pump-1',
  module_id: null,
  site: null,
  before: ['a'],
  after: ['b'],
  seen_at: '',
  is_assumed: false,
};

describe('a report', () => {
  it('puts examples of one identity together', () => {
    const found = gather([SAMPLE, { ...SAMPLE, action: 'readTwin' }, { ...SAMPLE, after: ['c'], action: 'enroll' }]);
    expect(found.map((each) => each.actions)).toEqual([['connect', 'readTwin'], ['enroll']]);
  });
  it('shows the most changes first', () => {
    const tally = (newly_denied: number) => ({ newly_denied, newly_allowed: 0, reason_changed: 0 });
    expect(rowsOf({ a: tally(1), b: tally(2), c: tally(2) }).map(([key]) => key)).toEqual(['b', 'c', 'a']);
  });
});
