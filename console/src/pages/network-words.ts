// Assets, links and protocols in words. Pure.
import type { Schemas } from '../api/client';
import { link } from '../app/url';

type Asset = Schemas['AssetView'];

/** What to call an asset: its name, else an address. */
export function labelOf(asset: Pick<Asset, 'asset_id' | 'name' | 'ips' | 'macs'>): string {
  return asset.name || asset.ips[0] || asset.macs[0] || asset.asset_id;
}

/** Write a generated word for people: `engineering_station` becomes `engineering station`. */
export function plain(word: string): string {
  return word.replaceAll('_', ' ');
}

/** Split what is known of an operating system's support: until when, of which system. */
export function supportOf(text: string): { until: string; system: string } | null {
  const found = /^(\d{4}-\d{2}-\d{2}) (.+)$/u.exec(text);
  return found ? { until: found[1] ?? '', system: found[2] ?? '' } : null;
}

/** Tell whether an operating system gets no security updates any more. */
export function isLegacy(support: string, now: number): boolean {
  const found = supportOf(support);
  return found !== null && Date.parse(found.until) < now;
}

/** Write the service of a link as `tcp/502`. */
export function serviceOf(each: { transport: string; port: number }): string {
  return each.port ? `${each.transport}/${each.port}` : each.transport;
}

/** Count things: `1 flow`, `1,200 flows`. */
export function many(count: number, thing: string): string {
  return `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** Write a number of bytes with three digits at most. */
export function bytesInWords(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1000 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit && amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[unit]}`;
}

/** What the list of assets is narrowed to; empty texts do not matter. */
export const FILTERS = ['text', 'site', 'state', 'managed', 'role', 'level', 'type', 'vendor', 'criticality', 'legacy', 'alerts'] as const;
export type Filters = Partial<Record<(typeof FILTERS)[number], string>>;

const LEVELS = ['0', '1', '2', '3', '3.5', '4', '5'];
const STATES = ['new', 'acknowledged', 'ignored'];
const CRITICALITIES = ['low', 'normal', 'high', 'critical'];

function among<T extends string>(value: string | undefined, words: readonly string[]): T | undefined {
  return value && words.includes(value) ? (value as T) : undefined;
}

/** Return the filters that an address names. */
export function filtersIn(parameters: URLSearchParams): Filters {
  return Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name) ?? '']).filter(([, value]) => value));
}

/** Return what the API is asked for. */
export function queryOf(filters: Filters) {
  return {
    text: filters.text?.slice(0, 128),
    site: filters.site,
    state: among<Asset['state']>(filters.state, STATES),
    role: filters.role,
    level: among<'0' | '1' | '2' | '3' | '3.5' | '4' | '5'>(filters.level, LEVELS),
    device_type: filters.type,
    vendor: filters.vendor,
    criticality: among<Asset['criticality']>(filters.criticality, CRITICALITIES),
    is_managed: filters.managed ? filters.managed === 'yes' : undefined,
    is_legacy: filters.legacy ? (true as const) : undefined,
    has_alerts: filters.alerts ? (true as const) : undefined,
  };
}

/** Return the same as the options of `vedette asset list`. */
export function optionsOf(filters: Filters): string[] {
  const options: string[] = [];
  for (const name of ['site', 'state', 'role', 'level', 'type', 'vendor', 'criticality'] as const) {
    const value = filters[name];
    if (value) options.push(`--${name}`, value);
  }
  if (filters.managed) options.push(filters.managed === 'yes' ? '--managed' : '--unmanaged');
  if (filters.legacy) options.push('--legacy');
  if (filters.alerts) options.push('--with-alerts');
  return options;
}

/** Return the same as texts. */
export function wordsOf(filters: Filters): Record<string, string> {
  const query = Object.entries(queryOf(filters)).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(query.map(([name, value]) => [name, String(value)]));
}

/** Return the same as the path of a request. */
export function pathOf(filters: Filters): string {
  return link('/v1/assets', wordsOf(filters));
}

/** Put the facts of an asset together by attribute; the surest first, as they come. */
export function byAttribute<T extends { attribute: string }>(facts: readonly T[]): [string, T[]][] {
  const found = new Map<string, T[]>();
  for (const fact of facts) found.set(fact.attribute, [...(found.get(fact.attribute) ?? []), fact]);
  return [...found];
}

// Of these an asset has several by nature; of anything else, two values contradict each other.
const MANY = new Set(['ip', 'mac', 'service', 'role', 'fingerprint', 'user', 'module', 'unit', 'software', 'description']);

/** Tell whether the values of an attribute cannot all be true. */
export function isContradicted(attribute: string, facts: readonly { value: string }[]): boolean {
  return !MANY.has(attribute) && new Set(facts.map((fact) => fact.value.toLowerCase())).size > 1;
}
