import { expect, test } from 'vitest';
import { decodeOptions, fromBase64Url, toBase64Url } from './passkeys';

test('base64url goes there and back', () => {
  const bytes = Uint8Array.from([0, 62, 63, 250, 255, 191]);
  expect(toBase64Url(bytes.buffer)).not.toMatch(/[+/=]/u);
  expect(fromBase64Url(toBase64Url(bytes.buffer))).toEqual(bytes);
  expect(fromBase64Url('')).toEqual(new Uint8Array());
});

test('only binary members are decoded', () => {
  const decoded = decodeOptions({
    challenge: 'AQI',
    rp: { id: 'localhost', name: 'Vedette' },
    user: { id: 'AQ', name: 'Ada' },
    excludeCredentials: [{ id: 'Ag', type: 'public-key' }],
    timeout: 5,
  });
  expect(decoded).toEqual({
    challenge: Uint8Array.from([1, 2]),
    rp: { id: 'localhost', name: 'Vedette' },
    user: { id: Uint8Array.from([1]), name: 'Ada' },
    excludeCredentials: [{ id: Uint8Array.from([2]), type: 'public-key' }],
    timeout: 5,
  });
});
