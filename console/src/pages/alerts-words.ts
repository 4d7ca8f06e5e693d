// Alerts in words: how grave, how they stand, what is searched for.
import type { paths, Schemas } from '../api/client';
import type { Tone } from '../ui/ui';

export type Alert = Schemas['AlertView'];
export type Group = Schemas['AlertGroupView'];
export type End = Schemas['EndView'];
export type Verdict = Schemas['Closing']['verdict'];
type Search = NonNullable<paths['/v1/alerts']['get']['parameters']['query']>;

export const SEVERITIES: Record<Alert['severity'], Tone> = {
  critical: 'bad',
  high: 'bad',
  medium: 'warn',
  low: 'info',
  informational: 'plain',
};

export const ENGINES = [
  ['policy', 'not usual or not allowed'],
  ['anomaly', 'anomaly'],
  ['protocol', 'protocol broken'],
  ['malware', 'malware'],
  ['operational', 'operational'],
] as const;

export const VERDICTS: [Verdict, string, string][] = [
  ['true-positive', 'It is real', 'It opens again by itself if it goes on.'],
  ['benign', 'Harmless', 'It happened, and it does no harm.'],
  ['authorized', 'Authorized', 'Somebody was told to do it.'],
  ['false-positive', 'False', 'It did not happen.'],
];

export const STANDS = [
  ['', 'to look at'],
  ['open', 'nobody has looked'],
  ['acknowledged', 'somebody looks'],
  ['closed', 'closed'],
  ['hidden', 'hidden, authorized or merged'],
  ['all', 'all'],
] as const;

export const GROUPINGS = [
  ['', 'one by one'],
  ['incident', 'by incident'],
  ['source', 'by who did it'],
  ['target', 'by whom it was done to'],
  ['rule', 'by kind'],
] as const;

/** What is searched for, by the names of the address. */
export const FIELDS = [
  'stand', 'severity', 'kind', 'rule', 'technique', 'text', 'address', 'asset', 'device', 'site', 'zone', 'sensor',
  'protocol', 'since', 'until', 'incident', 'exception', 'ticket', 'order',
] as const; // prettier-ignore
export type Field = (typeof FIELDS)[number];
export type Wanted = Record<Field, string>;

/** Return what an address asks for. */
export function wantedIn(parameters: URLSearchParams): Wanted {
  return Object.fromEntries(FIELDS.map((name) => [name, parameters.get(name) ?? ''])) as Wanted;
}

export const NOTHING: Wanted = wantedIn(new URLSearchParams());

function standOf(stand: string): Pick<Search, 'state' | 'is_loud'> {
  switch (stand) {
    case 'all':
      return {};
    case 'closed':
      return { state: ['closed'] };
    case 'hidden':
      return { state: ['open', 'acknowledged'], is_loud: false };
    case 'open':
    case 'acknowledged':
      return { state: [stand], is_loud: true };
    default:
      return { state: ['open', 'acknowledged'], is_loud: true };
  }
}

/** Return the parameters of the request. */
export function searchOf(wanted: Wanted): Search {
  const search: Search = {
    ...standOf(wanted.stand),
    severity: (wanted.severity || undefined) as Search['severity'],
    engine: (wanted.kind || undefined) as Search['engine'],
    rule: wanted.rule,
    technique: wanted.technique,
    text: wanted.text,
    address: wanted.address,
    asset_id: wanted.asset,
    device_id: wanted.device,
    site: wanted.site,
    zone: wanted.zone,
    sensor: wanted.sensor,
    protocol: wanted.protocol,
    since: wanted.since,
    until: wanted.until,
    incident_id: wanted.incident,
    exception_id: wanted.exception,
    ticket_id: wanted.ticket,
    order: wanted.order === 'gravest' ? 'gravest' : undefined,
  };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== '' && value !== undefined)) as Search;
}

/** Return a request's path with its parameters. */
export function requestPath(path: string, search: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(search))
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  return query.size > 0 ? `${path}?${query}` : path;
}

const OPTIONS: Partial<Record<Field, string>> = {
  severity: '--severity',
  rule: '--rule',
  device: '--device',
  address: '--address',
  since: '--since',
  until: '--until',
  kind: '--kind',
  technique: '--technique',
  text: '--text',
  site: '--site',
  zone: '--zone',
  sensor: '--sensor',
  protocol: '--protocol',
};

/** Return the options of the command that lists the same; undefined if it cannot be told all of it. */
export function optionsOf(wanted: Wanted): string[] | undefined {
  const given = FIELDS.filter((name) => wanted[name] && name !== 'stand');
  if (given.some((name) => OPTIONS[name] === undefined)) return undefined;
  if (wanted.stand !== '' && wanted.stand !== 'all') return undefined;
  const options = given.flatMap((name) => [OPTIONS[name] ?? '', wanted[name]]);
  return wanted.stand === 'all' ? [...options, '--every'] : options;
}

/** Say who stands at an end. */
export function endName(end: End): string {
  return end.device_id || end.name || end.address;
}

/** Say how an alert stands, and how it looks. */
export function standing(alert: Pick<Alert, 'state' | 'standing' | 'verdict'>): [string, Tone] {
  if (alert.state === 'closed') return [`closed: ${alert.verdict || 'no verdict'}`, alert.verdict === 'true-positive' ? 'warn' : 'good'];
  if (alert.standing !== 'loud') return [alert.standing, 'plain'];
  return alert.state === 'open' ? ['open', 'bad'] : ['looked into', 'info'];
}

const PLAIN = /^(ot|baseline|network)\./u;

/** Say a rule's name in words: `ot.controller_stop` becomes `controller stop`, `scan.port` becomes `scan port`. */
export function ruleWords(rule: string): string {
  return rule.replace(PLAIN, '').replaceAll(/[._]/gu, ' ');
}

/** Return the filter that shows what a group counts. */
export function filterOf(by: string, group: Pick<Group, 'key' | 'site'>): Partial<Wanted> {
  if (by === 'incident') return { incident: group.key };
  if (by === 'rule') return { rule: group.key };
  return { address: group.key, site: group.site };
}

const ACTS: Record<string, string> = {
  acknowledge: 'Somebody looks into it',
  close: 'Closed',
  reopen: 'Opened again',
  merge: 'Merged',
  unmerge: 'Unmerged',
  join: 'The same event, told by another rule',
};

/** Say what a step was. */
export function stepWords(step: Pick<Schemas['AlertStepView'], 'act' | 'verdict'>): string {
  const words = ACTS[step.act] ?? step.act;
  return step.verdict ? `${words}: ${step.verdict}` : words;
}
