import { describe, expect, it } from 'vitest';
import { StreamReader } from './stream';

describe('a stream', () => {
  it('is cut into events wherever chunks end', () => {
    const text = 'retry: 2000\n\nid: 7\nevent: registry.device_disabled\ndata: {"a":1}\n\n: still here\n\ndata: x\ndata: y\n\n';
    const whole = new StreamReader().take(text);
    expect(whole).toEqual([
      { name: 'registry.device_disabled', id: '7', data: '{"a":1}' },
      { name: 'message', id: '', data: 'x\ny' },
    ]);
    const reader = new StreamReader();
    expect([...text].flatMap((letter) => reader.take(letter))).toEqual(whole);
  });
});
