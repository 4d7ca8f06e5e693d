import { expect, it } from 'vitest';
import { type Place, placeOf } from './long-list';

it('finds the page that holds a row', () => {
  const first: Place = { after: '', start: 0, before: null };
  const second: Place = { after: 'b', start: 200, before: first };
  const third: Place = { after: 'c', start: 350, before: second };
  expect([0, 199, 200, 349, 350, 900].map((row) => placeOf(third, row).after)).toEqual(['', '', 'b', 'b', 'c', 'c']);
});
