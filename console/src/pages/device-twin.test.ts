import { describe, expect, it } from 'vitest';
import { tagOptions } from './device-twin';

describe('a change of tags', () => {
  it('is what the command takes, where it can', () => {
    expect(tagOptions({ line: 'A=1', owner: { team: 'red' }, old: null })).toEqual([
      ...['--tag', 'line=A=1'],
      ...['--tag', 'owner.team=red'],
      ...['--remove-tag', 'old'],
    ]);
    expect(tagOptions({ count: 1 })).toBeNull();
    expect(tagOptions({ 'a.b': 'x' })).toBeNull();
    expect(tagOptions({ empty: {} })).toBeNull();
  });
});
