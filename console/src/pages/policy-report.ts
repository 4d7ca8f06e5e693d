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
