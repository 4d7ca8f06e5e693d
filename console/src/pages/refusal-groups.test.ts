import { expect, it } from 'vitest';
import type { Schemas } from '../api/client';
import { apart, gather } from './refusal-groups';

const refusal = (decision_id: string, device_id: string, reason: string, repeated = 1) =>
  ({ decision_id, device_id, reason, repeated, kind: 'refuse', module_id: null, generation_id: null }) as Schemas['DecisionView'];

it('gathers by identity and reason, newest first, and counts all that each record stands for', () => {
  const found = gather([
    refusal('4', 'pump', 'disabled', 60),
    refusal('3', 'door', 'certificate_expired'),
    refusal('2', 'pump', 'disabled', 2),
    refusal('1', 'pump', 'unknown_identity'),
  ]);
  expect(found.map((each) => [each.newest.decision_id, each.oldest.decision_id, each.count])).toEqual([
    ['4', '2', 62],
    ['3', '3', 1],
    ['1', '1', 1],
  ]);
  expect([...found[0]!.ids]).toEqual(['4', '2']);
});

it('leaves them apart on demand', () => {
  expect(apart([refusal('2', 'pump', 'disabled'), refusal('1', 'pump', 'disabled')])).toHaveLength(2);
});
