// Telemetry made ready to be drawn: the numbers of a message are read once, when it comes.
import type { Schemas } from '../api/client';

export interface Row {
  message: Schemas['MessageView'];
  /** Milliseconds since 1970. */
  at: number;
  numbers: Record<string, number>;
}

const DEPTH_MAX = 4;
const SERIES_MAX = 8;
// Counters and the like rise for ever and say nothing.
const DULL = new Set(['count', 'sequence', 'seq']);

/** Return every number of a JSON body by its path; other bodies have none. */
export function numbersOf(body: string): Record<string, number> {
  const found: Record<string, number> = Object.create(null);
  const visit = (value: unknown, path: string, depth: number) => {
    if (typeof value === 'number' && Number.isFinite(value)) found[path || 'value'] = value;
    else if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth < DEPTH_MAX)
      for (const [key, inner] of Object.entries(value)) visit(inner, path ? `${path}.${key}` : key, depth + 1);
  };
  try {
    visit(JSON.parse(body), '', 0);
  } catch {
    return {};
  }
  return found;
}

/** Name each series: what is measured, and by which module where several send. */
function seriesOf(row: Row, name: string): string {
  return row.message.module_id ? `${row.message.module_id}: ${name}` : name;
}

/** Return the series that messages hold, and their values: seconds first, then a list for each, null where one is silent. */
export function toSeries(rows: readonly Row[]): { names: string[]; data: (number | null)[][] } {
  const names = new Set<string>();
  for (const row of rows) for (const name of Object.keys(row.numbers)) if (!DULL.has(name)) names.add(seriesOf(row, name));
  const kept = [...names].sort().slice(0, SERIES_MAX);
  const at = new Map(kept.map((name, index) => [name, index + 1]));
  const data: (number | null)[][] = [rows.map((row) => row.at / 1000), ...kept.map(() => rows.map(() => null))];
  rows.forEach((row, index) => {
    for (const [name, value] of Object.entries(row.numbers)) {
      const series = at.get(seriesOf(row, name));
      if (series !== undefined) data[series]![index] = value;
    }
  });
  return { names: kept, data };
}
