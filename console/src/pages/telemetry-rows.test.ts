import { describe, expect, it } from 'vitest';
import { numbersOf, type Row, toSeries } from './telemetry-rows';

const row = (at: number, numbers: Record<string, number>, module_id: string | null = null) =>
  ({ at, numbers, message: { module_id } }) as Row;

describe('telemetry', () => {
  it('gives its numbers by their paths', () => {
    expect({ ...numbersOf('{"a": 1, "b": {"c": 2.5, "d": "x"}, "__proto__": {"e": 3}}') }).toEqual({ a: 1, 'b.c': 2.5, '__proto__.e': 3 });
    expect({ ...numbersOf('7') }).toEqual({ value: 7 });
    expect(numbersOf('not JSON')).toEqual({});
  });
  it('is drawn as one series for each of them, and for each module', () => {
    expect(toSeries([row(1000, { a: 1, count: 1 }), row(2000, { b: 2 }, 'cam'), row(3000, { a: 3 })])).toEqual({
      names: ['a', 'cam: b'],
      data: [
        [1, 2, 3],
        [1, null, 3],
        [null, 2, null],
      ],
    });
  });
});
