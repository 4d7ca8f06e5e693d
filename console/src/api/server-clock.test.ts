import { expect, it } from 'vitest';
import { noteServerDate, serverNow } from './server-clock';

it('follows a clock that is far off, and forgives a second', () => {
  const now = Date.now();
  noteServerDate(new Date(now + 600_000).toUTCString(), now);
  expect(serverNow() - Date.now()).toBeGreaterThan(590_000);
  noteServerDate(new Date(now + 1_000).toUTCString(), now);
  expect(serverNow() - Date.now()).toBeLessThan(100);
  noteServerDate(null);
  noteServerDate('no date');
  expect(serverNow() - Date.now()).toBeLessThan(100);
});
