// What a simulation found, as the platform writes it down.
import type { Schemas } from '../api/client';

export interface Tally {
  newly_denied: number;
  newly_allowed: number;
  reason_changed: number;
}

export interface Sample {
  change: keyof Tally;
  action: string;
  device_id: string;
  module_id: string | null;
  site: string | null;
  before: string[];
  after: string[];
  seen_at: string;
  is_assumed: boolean;
}

export interface Report {
  identities: number;
  left_out: number;
  unreadable: number;
  assumed: number;
  changed: number;
  totals: Tally;
  by_action: Record<string, Tally>;
  by_site: Record<string, Tally>;
  by_group: Record<string, Tally>;
  by_policy: Record<string, Tally>;
  names: Record<string, string>;
  samples: Sample[];
  log: Tally & { since: string; replayed: number; skipped: number; is_cut: boolean };
  decisions: number;
  seconds: number;
}

/** Return the report; the platform describes it as JSON of any shape. */
export function reportOf(simulation: Schemas['FullSimulationView'] | undefined): Report | null {
  return (simulation?.report as Report | null | undefined) ?? null;
}

/** Return a table's rows with the most changes first. */
export function rowsOf(table: Record<string, Tally>): [string, Tally][] {
  const weight = ({ newly_denied: denied, newly_allowed: allowed, reason_changed: other }: Tally) =>
    (denied + allowed) * 1e6 + other;
  return Object.entries(table).sort(([a, x], [b, y]) => weight(y) - weight(x) || a.localeCompare(b));
}

export type Gathered = Sample & { actions: string[] };

/** Put examples of one identity together that differ by nothing but the action. */
export function gather(samples: readonly Sample[]): Gathered[] {
  const found = new Map<string, Gathered>();
  for (const each of samples) {
    const key = JSON.stringify([each.device_id, each.module_id, each.change, each.before, each.after]);
    const known = found.get(key);
    if (known) known.actions.push(each.action);
    else found.set(key, { ...each, actions: [each.action] });
  }
  return [...found.values()];
}
