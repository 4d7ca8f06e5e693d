// Refusals of one identity for one reason, as one row: who tries again each minute must not hide the others.
import type { Schemas } from '../api/client';

type Refusal = Schemas['DecisionView'];

export interface RefusalGroup {
  key: string;
  newest: Refusal;
  oldest: Refusal;
  /** Refusals in it; each record may stand for several. */
  count: number;
  ids: ReadonlySet<string>;
}

/** Gather refusals, which come newest first; the group of the newest refusal comes first. */
export function gather(refusals: readonly Refusal[]): RefusalGroup[] {
  const groups = new Map<string, { newest: Refusal; oldest: Refusal; count: number; ids: Set<string> }>();
  for (const each of refusals) {
    const key = JSON.stringify([each.device_id, each.module_id, each.generation_id, each.kind, each.reason]);
    const group = groups.get(key);
    if (group) {
      group.oldest = each;
      group.count += each.repeated;
      group.ids.add(each.decision_id);
    } else groups.set(key, { newest: each, oldest: each, count: each.repeated, ids: new Set([each.decision_id]) });
  }
  return [...groups].map(([key, group]) => ({ key, ...group }));
}

/** Leave each refusal a row of its own. */
export function apart(refusals: readonly Refusal[]): RefusalGroup[] {
  return refusals.map((each) => ({
    key: each.decision_id,
    newest: each,
    oldest: each,
    count: each.repeated,
    ids: new Set([each.decision_id]),
  }));
}
