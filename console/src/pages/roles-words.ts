// Roles, what they give and where they hold, in words.
import type { Schemas } from '../api/client';

export type Role = Schemas['Role'];

export const ROLES: readonly Role[] = ['admin', 'operator', 'analyst', 'developer', 'deployer', 'manufacturer', 'auditor'];

/** What a program may be besides: it asks for decisions, or receives shared signals, and does nothing else. */
export const PROGRAMS_ROLES = ['enforcement-point', 'signal-receiver'] as const;

// Everybody who is let in at all may do these.
const EVERYBODYS = new Set(['own', 'readStatus', 'elevate', 'ownCredentials']);

const WORDS: Record<string, string> = {
  own: 'look after their own sessions',
  readStatus: 'see the state of the platform',
  elevate: 'elevate themselves to what they are eligible for',
  ownCredentials: 'change what they log in with',
  read: 'see devices and settings',
  readBulk: 'list and query devices',
  readTelemetry: 'read telemetry',
  analyzeCaptures: 'upload captures and read their reports',
  readPackets: 'read the packets behind alerts',
  audit: 'see the ledger, people and tokens',
  review: 'sign off reviews',
  changeDevice: 'change devices and twins',
  manageGroups: 'manage groups',
  acknowledge: 'acknowledge alerts',
  rollOut: 'roll out updates',
  askDecision: 'ask for decisions',
  restrict: 'disable, revoke and end',
  quarantine: 'quarantine and release',
  command: 'command devices',
  changeMany: 'enable many devices at once',
  enroll: 'enroll devices',
  handOver: 'hand over authorities',
  respond: 'raise signals and hide alerts',
  receiveSignals: 'receive shared signals',
  developPolicies: 'draft and test policies',
  manageKeys: 'manage keys and tokens',
  managePolicies: 'put policies in force',
  managePeople: 'manage people and roles',
  managePlatform: 'manage the platform',
  letIn: 'let people in',
};

/** Say an action in words; one that a newer release knows is shown as it is called. */
export function actionInWords(action: string): string {
  return WORDS[action] ?? action;
}

/** Return what a role gives beyond what everybody may do, in words. */
export function givenBy(actions: readonly string[]): string[] {
  return actions.filter((each) => !EVERYBODYS.has(each)).map(actionInWords);
}

/** Say where a role holds. */
export function placesInWords(
  { sites, groups }: { sites: readonly string[]; groups: readonly string[] },
  groupName: (id: string) => string = (id) => id,
): string {
  const parts = [
    sites.length ? `${sites.length === 1 ? 'site' : 'sites'} ${sites.join(', ')}` : '',
    groups.length ? `${groups.length === 1 ? 'group' : 'groups'} ${groups.map(groupName).join(', ')}` : '',
  ].filter(Boolean);
  return parts.length ? parts.join('; ') : 'everywhere';
}

/** Cut what somebody typed into names. */
export function namesIn(text: string): string[] {
  return [...new Set(text.split(',').map((each) => each.trim()).filter(Boolean))];
}

/** Say how long something lasts yet, such as `47 min`; empty when it is over. */
export function timeLeft(endsAt: string, now: number): string {
  const minutes = Math.ceil((Date.parse(endsAt) - now) / 60_000);
  if (minutes <= 0) return '';
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
