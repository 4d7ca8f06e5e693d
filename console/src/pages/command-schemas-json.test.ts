import { describe, expect, it } from 'vitest';
import { isJsonObject } from './command-schemas-json';

describe('a schema that is typed', () => {
  it.each([['{}', true], ['{"type": "object"}', true], ['[]', false], ['null', false], ['{', false], ['', false]])(
    'reads %s as %s',
    (text, is) => {
      expect(isJsonObject(text)).toBe(is);
    },
  );
});
