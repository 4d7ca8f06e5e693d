import { describe, expect, it } from 'vitest';
import { diffLines, diffTexts, mergePatch } from './diff';

describe('a change of a document', () => {
  it('is shown line by line', () => {
    expect(diffLines({ a: 1, b: 2 }, { a: 1, b: 3 })).toEqual([
      { sign: ' ', text: '{' },
      { sign: ' ', text: '  "a": 1,' },
      { sign: '-', text: '  "b": 2' },
      { sign: '+', text: '  "b": 3' },
      { sign: ' ', text: '}' },
    ]);
  });
  it('is a merge patch', () => {
    expect(mergePatch({ a: 1, b: { c: 1, d: 2 }, e: [1] }, { b: { c: 1, d: 3 }, e: [1], f: null })).toEqual({
      a: null,
      b: { d: 3 },
      f: null,
    });
    expect(mergePatch({ toString: 1 }, JSON.parse('{"__proto__": 2, "constructor": {"a": 1}}'))).toEqual(
      JSON.parse('{"toString": null, "__proto__": 2, "constructor": {"a": 1}}'),
    );
    expect(mergePatch({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toEqual({});
  });
});

describe('a change of a text', () => {
  it('is shown line by line, and a new text as nothing but new', () => {
    expect(diffTexts('a\nb', 'a\nc')).toEqual([
      { sign: ' ', text: 'a' },
      { sign: '-', text: 'b' },
      { sign: '+', text: 'c' },
    ]);
    expect(diffTexts('', 'a')).toEqual([{ sign: '+', text: 'a' }]);
    expect(diffTexts('a\n'.repeat(3_000), 'b').length).toBe(3_002);
  });
});
