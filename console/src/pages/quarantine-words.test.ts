import { describe, expect, it } from 'vitest';
import { dayFromNow, endOfDay, enforcedWords, type Quarantined, wayBack } from './quarantine-words';

const of = (mode: string, asked_mode = mode) => ({ mode, asked_mode, former_lifecycle: 'active' }) as Quarantined;

describe('the way back', () => {
  it('shows how far a device has come', () => {
    expect(wayBack(of('limited')).map((each) => each.state)).toEqual(['here', 'later', 'later']);
    expect(wayBack(of('probation')).map((each) => each.state)).toEqual(['done', 'here', 'later']);
    expect(wayBack(of('cut')).map((each) => each.state)).toEqual(['here', 'later', 'later', 'later']);
    expect(wayBack(of('limited', 'cut')).map((each) => each.state)).toEqual(['done', 'here', 'later', 'later']);
    expect(wayBack(of('limited')).at(-1)?.title).toContain('active');
  });
});

describe('what became of a change', () => {
  it('names who has not answered, and how many sessions ended', () => {
    expect(enforcedWords({ pending: [], sessions_cut: 0, enforced_at: null })).toBe('Every gateway has applied it.');
    expect(enforcedWords({ pending: ['g-1'], sessions_cut: 1, enforced_at: null })).toContain('g-1');
    expect(enforcedWords({ pending: [], sessions_cut: 2, enforced_at: null })).toContain('2 live sessions cut');
  });
});

describe('a review date', () => {
  it('is the end of that day, and nothing where there is none', () => {
    expect(endOfDay('')).toBeUndefined();
    expect(endOfDay('soon')).toBeUndefined();
    const now = Date.parse('2026-11-22T12:00:00');
    expect(dayFromNow(7, now)).toBe('2026-11-29');
    expect(Date.parse(endOfDay('2026-11-29')!)).toBe(Date.parse('2026-11-29T23:59:59'));
  });
});
