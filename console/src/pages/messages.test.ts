import { describe, expect, it } from 'vitest';
import type { Schemas } from '../api/client';
import { join } from './messages';

const message = (cursor: string) => ({ cursor }) as Schemas['MessageView'];
const cursors = (all: Schemas['MessageView'][]) => all.map((each) => each.cursor);

describe('what came before and since', () => {
  it('counts a message once, in its order', () => {
    expect(cursors(join(['1', '2', '3'].map(message), ['3', '4'].map(message)))).toEqual(['1', '2', '3', '4']);
  });

  it('begins now for a device whose past would have a gap', () => {
    expect(cursors(join(Array.from({ length: 500 }, (_, at) => message(String(at))), [message('900')]))).toEqual(['900']);
  });
});
