import { expect, test } from 'vitest';
import { listed, patternWords } from './alert-pattern';

const NOTHING = { rules: [], sources: [], targets: [], keys: [], sites: [] };

test('a pattern says what it is about', () => {
  expect(patternWords(NOTHING)).toBe('anything');
  expect(patternWords({ ...NOTHING, rules: ['ot.controller_stop', 'scan.*'], sources: ['10.0.0.9'], sites: ['north'] })).toBe(
    'controller stop, scan.* by 10.0.0.9 at north',
  );
});

test('what is typed is cut by commas and lines, each once', () => {
  expect(listed(' 10.0.0.1, 10.0.0.2\n10.0.0.1,, ')).toEqual(['10.0.0.1', '10.0.0.2']);
});
