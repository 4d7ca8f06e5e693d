import { describe, expect, it } from 'vitest';
import { completions } from './condition';

const texts = (text: string) => completions(text, text.length).words.map((each) => each.text);

describe('a condition', () => {
  it('begins with fields', () => {
    expect(texts('')[0]).toBe('deviceId');
    expect(texts('conn')).toEqual(['connectionState']);
    expect(texts('tags.site = 1 AND pro')).toEqual(['properties.desired.', 'properties.reported.']);
  });
  it('goes on with AND and OR after a value', () => {
    expect(texts("site = 'north' ").slice(0, 2)).toEqual(['AND', 'OR']);
  });
  it('leaves text alone', () => {
    expect(texts("site = 'an")).toEqual([]);
  });
});
