// Vulnerabilities in words, and how old is too old. Pure.
import type { Tone } from '../ui/ui';

export const CERTAINTIES: Record<'proven' | 'maybe', [Tone, string, string]> = {
  proven: ['bad', 'proven', 'Product and version are told, and the version is affected.'],
  maybe: ['warn', 'maybe', 'It could be; the reason says what is missing.'],
};

const DAY_MS = 86_400_000;
const STALE_DAYS: Record<string, number> = { kev: 14, epss: 14 };
const STALE_ADVISORIES_DAYS = 30;

/** How many days old data may be before it is marked as old. */
export function staleAfterDays(feed: string): number {
  return STALE_DAYS[feed] ?? STALE_ADVISORIES_DAYS;
}

/** Whether the data of a source is older than what was found since could wait; data without a time always is. */
export function isStale(feed: string, dataAt: string | null, now: number): boolean {
  return dataAt === null || now - Date.parse(dataAt) > staleAfterDays(feed) * DAY_MS;
}

export function feedInWords(feed: string): string {
  if (feed === 'kev') return 'Known exploited vulnerabilities (KEV)';
  if (feed === 'epss') return 'Likelihood of exploitation (EPSS)';
  return feed.startsWith('csaf:') ? `Advisories of ${feed.slice('csaf:'.length)}` : feed;
}

/** Managed devices that no sensor saw stand under the id of their device. */
export function isDevice(assetId: string): boolean {
  return assetId.startsWith('dev_');
}

/** Where the page of what has a vulnerability is. */
export function pathOfAsset(each: { asset_id: string; asset_name: string }): string {
  return isDevice(each.asset_id) ? `/devices/${encodeURIComponent(each.asset_name)}` : `/assets/${encodeURIComponent(each.asset_id)}`;
}

export function pathOfVulnerability(each: { asset_id: string; name: string }): string {
  return `/vulnerabilities/${encodeURIComponent(each.asset_id)}/${encodeURIComponent(each.name)}`;
}

/** Return the last two parts of a path as they were before they were encoded. */
export function partsOf(path: string): [string, string] {
  const [asset = '', name = ''] = path.split('/').slice(-2);
  try {
    return [decodeURIComponent(asset), decodeURIComponent(name)];
  } catch {
    return ['', ''];
  }
}

/** Write a share as per cent, to a figure that says something. */
export function percent(share: number | null): string {
  if (share === null) return '–';
  const value = share * 100;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2)} %`;
}

const KINDS: Record<string, string> = {
  vendor_fix: 'The maker’s fix',
  workaround: 'Workaround',
  mitigation: 'Mitigation',
  none_available: 'There is no fix yet',
  no_fix_planned: 'There will be no fix',
  identify: 'Find out more',
  close_outside: 'Close the way outside',
  segment: 'Put it into a zone',
  disable_service: 'Turn a service off',
};

export function adviceInWords(kind: string): string {
  return KINDS[kind] ?? kind;
}

/** Return a day so many days from another, for a date field. */
export function dayAfter(now: number, days: number): string {
  return new Date(now + days * DAY_MS).toISOString().slice(0, 10);
}
