// What the map is narrowed to, as the address, the API and the command line say it. Pure.
import type { paths } from '../api/client';
import { link } from '../app/url';

export type MapQuery = NonNullable<paths['/v1/network-map']['get']['parameters']['query']>;

const GROUPINGS = ['zone', 'subnet', 'level', 'site'] as const;
const LEVELS = ['0', '1', '2', '3', '3.5', '4', '5'] as const;
const LIMIT = 2_000;
export const LIMIT_MOST = 5_000;

function among<T extends string>(value: string | null, words: readonly T[]): T | undefined {
  return words.find((word) => word === value);
}

/** Return what the API is asked for. */
export function mapQueryIn(parameters: URLSearchParams): MapQuery {
  const text = (name: string) => parameters.get(name) || undefined;
  const focus = text('focus');
  const opened = (parameters.get('open') ?? '').split(',').filter(Boolean);
  return {
    grouping: among(parameters.get('by'), GROUPINGS) ?? 'zone',
    site: text('site'),
    zone: text('zone'),
    level: among(parameters.get('level'), LEVELS),
    protocol: text('protocol'),
    since: text('since'),
    until: text('until'),
    is_alerting: parameters.get('alerts') === '1' || undefined,
    focus,
    hops: focus ? Math.max(1, Math.min(4, Number(parameters.get('hops')) || 1)) : undefined,
    open: opened.length ? opened.slice(-64) : undefined,
    is_closed: parameters.get('closed') === '1' || undefined,
    limit: Math.max(1, Math.min(LIMIT_MOST, Number(parameters.get('limit')) || LIMIT)),
  };
}

/** Tell whether anything but the grouping and what is open narrows the map. */
export function isNarrowed(query: MapQuery): boolean {
  return Boolean(query.site || query.zone || query.level || query.protocol || query.since || query.until || query.is_alerting || query.focus);
}

/** Return the same as a path of the API. */
export function mapPath(query: MapQuery): string {
  const { open = [], ...others } = query;
  const plain = Object.entries(others).filter(([, value]) => value !== undefined);
  const path = link('/v1/network-map', Object.fromEntries(plain.map(([name, value]) => [name, String(value)])));
  return path + open.map((id) => `&open=${encodeURIComponent(id)}`).join('');
}

/** Return the same as options of `vedette link map`. */
export function mapOptions(query: MapQuery): string[] {
  const options: string[] = [];
  for (const name of ['grouping', 'site', 'zone', 'level', 'protocol', 'since', 'until', 'focus', 'hops', 'limit'] as const) {
    const value = query[name];
    if (value !== undefined && value !== null) options.push(`--${name}`, String(value));
  }
  for (const id of query.open ?? []) options.push('--open', id);
  if (query.is_alerting) options.push('--alerting');
  if (query.is_closed) options.push('--closed');
  return options;
}

export const STEPS = 200;

/** Return the moment that a step of the time slider stands for; the last step is the present end, and no limit. */
export function momentAt(step: number, first: string, last: string): string {
  const begin = Date.parse(first);
  return new Date(begin + ((Date.parse(last) - begin) * step) / STEPS).toISOString();
}

/** Return the step that stands for a moment. */
export function stepAt(moment: string, first: string, last: string): number {
  const begin = Date.parse(first);
  const span = Math.max(Date.parse(last) - begin, 1);
  return Math.max(0, Math.min(STEPS, Math.round(((Date.parse(moment) - begin) / span) * STEPS)));
}
