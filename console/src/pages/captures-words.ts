// Captures and their reports, in words and rows. Pure.
import type { Schemas } from '../api/client';
import type { Tone } from '../ui/ui';

export type Capture = Schemas['CaptureView'];

export interface Fact {
  value: string;
  confidence: number;
  source: string;
}

export interface SeenAsset {
  number: number;
  ip_addresses: string[];
  mac_addresses: string[];
  attributes: Record<string, Fact[]>;
}

export interface SeenLink {
  client: string;
  server: string;
  transport: string;
  port: number;
  protocol: string;
  flows: number;
  packets: number;
  bytes: number;
}

export interface SeenAlert {
  at: string;
  severity: string;
  title: string;
  source: string;
  target: string;
  technique: string;
  rule: string;
  times: number;
  detail: Record<string, string | number | null>;
}

export interface SeenVulnerability {
  asset: number;
  address: string;
  name: string;
  title: string;
  certainty: string;
  score: number | null;
  product: string;
  versions: string;
}

export interface Report {
  capture: { packets: number; bytes: number; first_at: string; last_at: string; damage: string; sha256: string; packets_dropped: number };
  not_parsed: Record<string, number>;
  left_out: Record<string, number>;
  assets: SeenAsset[];
  protocols: { transport: string; protocol: string; certainty: string; flows: number; packets: number; bytes: number }[];
  operations: { protocol: string; kind: string; service: string; times: number }[];
  links: SeenLink[];
  external_connections: SeenLink[];
  anomalies: { protocol: string; kind: string; times: number; examples: string[] }[];
  alerts: SeenAlert[];
  vulnerabilities: SeenVulnerability[];
  vulnerabilities_matched: { has_advisories: boolean; unknown_assets: number; left_out: number };
}

export const SECTIONS = ['alerts', 'vulnerabilities', 'assets', 'protocols', 'operations', 'external_connections', 'links', 'anomalies'] as const;
export type Section = (typeof SECTIONS)[number];

export const TITLES: Record<Section, string> = {
  alerts: 'Alerts',
  vulnerabilities: 'Vulnerabilities',
  assets: 'Assets',
  protocols: 'Protocols',
  operations: 'Operations',
  external_connections: 'Outside',
  links: 'Links',
  anomalies: 'Broken rules',
};

export const STATES: Record<Capture['state'], { words: string; tone: Tone }> = {
  receiving: { words: 'uploading', tone: 'info' },
  waiting: { words: 'waits for its turn', tone: 'info' },
  analyzing: { words: 'being analyzed', tone: 'info' },
  done: { words: 'analyzed', tone: 'good' },
  failed: { words: 'failed', tone: 'bad' },
  canceled: { words: 'canceled', tone: 'plain' },
};

export function isOpen(capture: Pick<Capture, 'state'>): boolean {
  return capture.state === 'receiving' || capture.state === 'waiting' || capture.state === 'analyzing';
}

/** How far the present step is, in whole percent. */
export function percent(capture: Pick<Capture, 'state' | 'received_bytes' | 'read_bytes' | 'size_bytes'>): number {
  const done = capture.state === 'receiving' ? capture.received_bytes : capture.read_bytes;
  return capture.size_bytes > 0 ? Math.min(100, Math.floor((100 * done) / capture.size_bytes)) : 0;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** A size as people say it. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** The surest value of an attribute. */
export function best(asset: SeenAsset, attribute: string): string {
  return asset.attributes[attribute]?.[0]?.value ?? '';
}

/** How many a section holds, those that the report left out included. */
export function count(report: Report, section: Section): number {
  const beyond = section === 'vulnerabilities' ? report.vulnerabilities_matched.left_out : (report.left_out[section] ?? 0);
  return report[section].length + beyond;
}

/** Return the rows of a section in which a text stands, whatever its case. */
export function rowsWith<T>(rows: readonly T[], text: string): T[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [...rows];
  return rows.filter((row) => holds(row, wanted));
}

function holds(value: unknown, wanted: string): boolean {
  if (typeof value === 'string' || typeof value === 'number') return String(value).toLowerCase().includes(wanted);
  return typeof value === 'object' && value !== null && Object.values(value).some((each) => holds(each, wanted));
}

/** What could not be read, most first. */
export function missed(report: Report): [string, number][] {
  return Object.entries(report.not_parsed)
    .filter(([, times]) => times > 0)
    .map(([reason, times]): [string, number] => [reason.replaceAll('_', ' '), times])
    .sort((a, b) => b[1] - a[1]);
}

const SEVERITIES: Record<string, Tone> = { critical: 'bad', high: 'bad', medium: 'warn', low: 'info' };

export function severityTone(severity: string): Tone {
  return SEVERITIES[severity] ?? 'plain';
}
