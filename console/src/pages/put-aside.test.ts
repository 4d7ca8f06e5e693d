import { describe, expect, it } from 'vitest';
import { stillAside } from './put-aside';

describe('what is put aside', () => {
  it('comes back after its time', () => {
    expect(stillAside('{"a": 10, "b": 20}', 15)).toEqual({ b: 20 });
  });
  it('is nothing where nothing sensible is kept', () => {
    expect(stillAside(null, 1)).toEqual({});
    expect(stillAside('{', 1)).toEqual({});
    expect(stillAside('{"a": "x"}', 1)).toEqual({});
  });
});
