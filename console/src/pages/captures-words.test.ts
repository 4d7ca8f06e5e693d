import { expect, test } from 'vitest';
import { ApiError } from '../api/client';
import { type Capture, isPassing, unfinished } from '../api/capture-upload';
import { count, missed, percent, type Report, rowsWith, size } from './captures-words';

const capture = { state: 'receiving', name: 'a.pcap', size_bytes: 200, received_bytes: 50, read_bytes: 0, site: '', is_taken_in: false, is_kept: false } as Capture;
const wanted = { site: '', is_taken_in: false, is_kept: false };

test('progress is that of the present step', () => {
  expect(percent(capture)).toBe(25);
  expect(percent({ ...capture, state: 'analyzing', read_bytes: 199 })).toBe(99);
  expect(percent({ ...capture, size_bytes: 0 })).toBe(0);
});

test('only the very same upload is taken up again', () => {
  const file = { name: 'a.pcap', size: 200 };
  expect(unfinished([capture], file, wanted)).toBe(capture);
  expect(unfinished([{ ...capture, state: 'done' }], file, wanted)).toBeUndefined();
  expect(unfinished([capture], { ...file, size: 201 }, wanted)).toBeUndefined();
  expect(unfinished([capture], file, { ...wanted, is_kept: true })).toBeUndefined();
});

test('what passes is tried again, a refusal is not', () => {
  const problem = (status: number, code: string) => new ApiError({ title: '', status, code, detail: '', hint: '' });
  expect(isPassing(problem(0, 'console.no_answer'))).toBe(true);
  expect(isPassing(problem(409, 'network.wrong_offset'))).toBe(true);
  expect(isPassing(problem(409, 'network.capture_state'))).toBe(false);
  expect(isPassing(new Error('else'))).toBe(false);
});

test('sizes are said as people say them', () => {
  expect([0, 999, 1_500, 123_456_789].map(size)).toEqual(['0 bytes', '999 bytes', '1.5 kB', '123 MB']);
});

test('rows are found by any of their texts', () => {
  const rows = [{ client: '10.0.0.1', of: { names: ['Press'] } }, { client: '10.0.0.2', of: { names: [] } }];
  expect(rowsWith(rows, ' PRESS')).toEqual([rows[0]]);
  expect(rowsWith(rows, '10.0.0')).toHaveLength(2);
  expect(rowsWith(rows, '')).toHaveLength(2);
});

test('what was left out is counted, and what could not be read is told most first', () => {
  const report = {
    assets: [{}],
    left_out: { assets: 4 },
    vulnerabilities: [],
    vulnerabilities_matched: { left_out: 2 },
    not_parsed: { too_deep: 0, stream_holes: 1, messages_malformed: 3 },
  } as unknown as Report;
  expect(count(report, 'assets')).toBe(5);
  expect(count(report, 'vulnerabilities')).toBe(2);
  expect(missed(report)).toEqual([['messages malformed', 3], ['stream holes', 1]]);
});
