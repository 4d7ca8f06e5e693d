import { expect, it } from 'vitest';
import { cut, handOver } from './address-list-parts';

async function* chunks(...texts: string[]) {
  yield* texts;
}

async function all(...texts: string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const part of cut(chunks(...texts), 2)) found.push(part);
  return found;
}

it('parts are cut between lines, wherever the stream is cut', async () => {
  expect(await all('1.0.0.0,1', '.0.0.9,US\r\n2.0', '.0.0,2.0.0.9,DE\n3.0.0.0,3.0.0.9,FR')).toEqual([
    '1.0.0.0,1.0.0.9,US\n2.0.0.0,2.0.0.9,DE\n',
    '3.0.0.0,3.0.0.9,FR\n',
  ]);
});

it('each part has the heading', async () => {
  expect(await all('start,end,country\n1,2,US\n3,4,US\n5,6,US\n')).toEqual([
    'start,end,country\n1,2,US\n3,4,US\n',
    'start,end,country\n5,6,US\n',
  ]);
  expect(await all('')).toEqual([]);
});

it('the last part is told as such, and all are one list', async () => {
  const sent: [string, boolean][] = [];
  const file = new File(['1.0.0.0,1.0.0.9,US\n'.repeat(30_001)], 'list.csv');
  const done = await handOver(
    file,
    async ({ list_id, is_last }) => {
      sent.push([list_id, is_last]);
      return { list_id: 'adl_1' };
    },
    () => undefined,
  );
  expect(sent).toEqual([
    ['', false],
    ['adl_1', true],
  ]);
  expect(done).toEqual({ list_id: 'adl_1' });
});
