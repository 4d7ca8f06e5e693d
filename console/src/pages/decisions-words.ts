// Decisions in words: what was asked, what was answered, what it rested on, and what would change it.
import type { Schemas } from '../api/client';
import { link } from '../app/url';
import { csvCell, shellQuote, visible } from '../ui/text';
import type { Tone } from '../ui/ui';

export type Decision = Schemas['DecisionView'];
type Access = Schemas['AccessView'];

const ACTIONS: Record<string, string> = {
  connect: 'connect',
  enroll: 'enroll',
  renewCertificate: 'renew its certificate',
  sendTelemetry: 'send telemetry',
  reportProperties: 'report properties',
  readTwin: 'read its twin',
  receiveCommand: 'receive commands',
  receiveMethod: 'answer direct methods',
  downloadUpdate: 'fetch updates',
  uploadFile: 'upload files',
  releaseKey: 'get keys',
  reportHealth: 'report health',
};

/** Names of actions as policies use them, each with its words. */
export const ACTION_WORDS: readonly (readonly [string, string])[] = Object.entries(ACTIONS);

export const KIND_WORDS: readonly (readonly [string, string])[] = [
  ['connect', 'connected'],
  ['refuse', 'refused'],
  ['cut', 'cut'],
  ['disconnect', 'went'],
  ['register', 'enrolled, or tried to'],
  ['shadow', 'differs in the shadow'],
  ['outside', 'asked from outside'],
];

/** Say an action in words; one that is not known here by its name, taken apart. */
export function actionWords(action: string): string {
  return ACTIONS[action] ?? apart(action);
}

/** Say a name of the policies in words: `credentialAgeHours` becomes `credential age hours`. */
export function apart(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/gu, '$1 $2').replaceAll('_', ' ').toLowerCase();
}

/** Put a device's name where advice of a policy says DEVICE; it is quoted, since most advice is a command. */
export function adviceFor(advice: string, device: string): string {
  return advice.replaceAll(/\bDEVICE\b/gu, () => shellQuote(device));
}

export function reasonWords(reason: string): string {
  return reason.replaceAll('_', ' ');
}

/** Say how much time a moment lies before another: `1.2 s`, `3 min`, `2 h`. */
export function spanWords(ms: number): string {
  const units: [number, string][] = [
    [1_000, 'ms'],
    [60, 's'],
    [60, 'min'],
    [24, 'h'],
  ];
  let rest = Math.max(0, ms);
  for (const [size, unit] of units) {
    if (rest < size) return `${rest < 10 && unit !== 'ms' ? Math.round(rest * 10) / 10 : Math.round(rest)} ${unit}`;
    rest /= size;
  }
  return `${Math.round(rest)} days`;
}

export function toneOf(decision: Pick<Decision, 'kind' | 'effect'>): Tone {
  if (decision.effect !== 'allow') return decision.kind === 'cut' ? 'bad' : 'warn';
  return decision.kind === 'disconnect' || decision.kind === 'shadow' ? 'plain' : 'good';
}

export function nameOf(decision: Pick<Decision, 'device_id' | 'module_id'>): string {
  return decision.module_id ? `${decision.device_id}/${decision.module_id}` : decision.device_id;
}

/** Say what was decided, as a heading. */
export function headline(decision: Decision): string {
  const what = actionWords(decision.action);
  switch (decision.kind) {
    case 'connect':
      return 'Let in';
    case 'cut':
      return 'Cut off';
    case 'disconnect':
      return 'Went away';
    case 'register':
      return decision.effect === 'allow' ? 'Enrolled' : 'Refused to enroll';
    case 'shadow':
      return `The shadow answers otherwise: ${what}`;
    default:
      return decision.effect === 'allow' ? `May ${what}` : `Refused to ${what}`;
  }
}

/** Return where in the log a decision stands. */
export function sequenceOf(decision: Pick<Decision, 'cursor'>): number {
  return Number.parseInt(decision.cursor, 10) || 0;
}

/** Return decisions that came later in front of those that were read, each once. */
export function withNews(news: readonly Decision[], read: readonly Decision[]): Decision[] {
  const top = read[0] ? sequenceOf(read[0]) : -1;
  return [...news.filter((each) => sequenceOf(each) > top), ...read];
}

const CSV: (keyof Decision)[] = [
  'decided_at',
  'kind',
  'effect',
  'action',
  'reason',
  'device_id',
  'module_id',
  'generation_id',
  'policies',
  'bundle_sha256',
  'remote_address',
  'gateway',
  'certificate_sha256',
  'repeated',
  'detail',
  'decision_id',
];

/** Write decisions as CSV: the columns of `vedette decision export`. */
export function asCsv(decisions: readonly Decision[]): string {
  const cell = (value: unknown) =>
    csvCell(visible(Array.isArray(value) ? value.join(' ') : value === null || value === undefined ? '' : String(value)));
  return [CSV.join(','), ...decisions.map((each) => CSV.map((name) => cell(each[name])).join(','))].join('\r\n');
}

/** Write decisions as JSON lines, with every member. */
export function asJsonLines(decisions: readonly Decision[]): string {
  return decisions.map((each) => `${JSON.stringify(each)}\n`).join('');
}

export interface Changer {
  text: string;
  to: string;
}

/** Say what would change a refusal, from what is known of the identity now; the plainest first. */
export function changersOf(access: Access, action: string): Changer[] {
  const asked = access.actions.find((each) => each.action === action);
  if (!asked || asked.is_permitted) return [];
  const device = `/devices/${encodeURIComponent(access.device_id)}`;
  const own = (tab: string) => link(device, { module: access.module_id ?? '', tab });
  const found: Changer[] = [];
  const denies = (policy: string) => asked.policies.some((each) => each.policy === policy);
  if (asked.reason === 'disabled') found.push({ text: 'Enabling it', to: own('') });
  if (asked.reason === 'blocked') found.push({ text: 'Taking it off the block list', to: own('') });
  if (asked.reason === 'not_onboarded') found.push({ text: 'Its enrollment', to: '/enrollments' });
  if (access.quarantine && (asked.reason === 'quarantined' || denies('quarantine-is-a-limited-zone')))
    found.push({ text: 'The end of its quarantine', to: link('/quarantine', { device: access.device_id }) });
  if (access.risk_level === 'high' && denies('high-risk-is-a-limited-zone'))
    found.push({ text: 'Healing it, or withdrawing the signals that make its risk high', to: own('access') });
  if (asked.reason === 'policy_denied' && asked.policies.length === 0)
    found.push({ text: 'A policy that permits it: none does', to: '/policies' });
  return found;
}
