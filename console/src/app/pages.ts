// Every page: its path, its name in the menu, and the module that draws it, loaded when it is first opened.
import { lazy, type ComponentType } from 'react';

export interface Page {
  path: string;
  title: string;
  group: 'Fleet' | 'Network' | 'Trust' | 'People' | 'Record' | '';
  key: string;
  component: ComponentType;
  /** Fetch what draws it, before it is drawn. */
  load: () => Promise<unknown>;
}

type Load = () => Promise<{ default: ComponentType }>;

const page = (path: string, title: string, group: Page['group'], key: string, load: Load): Page => ({
  path,
  title,
  group,
  key,
  load,
  component: lazy(load),
});

export const PAGES: Page[] = [
  page('/', 'Overview', 'Fleet', 'o', () => import('../pages/overview')),
  page('/devices', 'Devices', 'Fleet', 'd', () => import('../pages/devices')),
  page('/devices/:device', 'Device', '', '', () => import('../pages/device')),
  page('/refusals', 'Refused', 'Fleet', 'r', () => import('../pages/refusals')),
  page('/clone-alerts', 'Clone alerts', 'Fleet', 'c', () => import('../pages/clone-alerts')),
  page('/quarantine', 'Quarantine', 'Fleet', 'z', () => import('../pages/quarantine')),
  page('/alerts', 'Alerts', 'Network', 'L', () => import('../pages/alerts')),
  page('/alerts/:alert', 'Alert', '', '', () => import('../pages/alert')),
  page('/alert-exceptions', 'Alert exceptions', 'Network', 'E', () => import('../pages/alert-exceptions')),
  page('/tickets', 'Tickets', 'Network', 'T', () => import('../pages/tickets')),
  page('/map', 'Network map', 'Network', 'M', () => import('../pages/map')),
  page('/zones', 'Zones', 'Network', 'Z', () => import('../pages/zones')),
  page('/zones/:zone', 'Zone', '', '', () => import('../pages/zone')),
  page('/mud-files/:asset', 'MUD file', '', '', () => import('../pages/mud-file')),
  page('/vulnerabilities', 'Vulnerabilities', 'Network', 'V', () => import('../pages/vulnerabilities')),
  page('/vulnerabilities/:asset/:name', 'Vulnerability', '', '', () => import('../pages/vulnerability')),
  page('/advisories', 'Advisories', '', '', () => import('../pages/advisories')),
  page('/advisories/:advisory', 'Advisory', '', '', () => import('../pages/advisory')),
  page('/assets', 'Assets', 'Network', 'A', () => import('../pages/assets')),
  page('/assets/:asset', 'Asset', '', '', () => import('../pages/asset')),
  page('/network-links', 'Links', 'Network', 'K', () => import('../pages/network-links')),
  page('/protocols', 'Protocols', 'Network', 'P', () => import('../pages/protocols')),
  page('/external-connections', 'External connections', 'Network', 'X', () => import('../pages/external-connections')),
  page('/inventory-changes', 'What changed', 'Network', 'C', () => import('../pages/inventory-changes')),
  page('/sensors', 'Sensors', 'Network', 'S', () => import('../pages/sensors')),
  page('/captures', 'Captures', 'Network', 'U', () => import('../pages/captures')),
  page('/captures/:capture', 'Capture', '', '', () => import('../pages/capture')),
  page('/policies', 'Policies', 'Trust', 'y', () => import('../pages/policies')),
  page('/policies/edit', 'Draft of policies', '', '', () => import('../pages/policy-editor')),
  page('/policies/:bundle', 'Policies', '', '', () => import('../pages/policy-bundle')),
  page('/groups', 'Groups', 'Fleet', 'p', () => import('../pages/groups')),
  page('/queries', 'Queries', 'Fleet', 'q', () => import('../pages/queries')),
  page('/decisions', 'Decisions', 'Record', 'b', () => import('../pages/decisions')),
  page('/ledger', 'Ledger', 'Record', 'l', () => import('../pages/ledger')),
  page('/api', 'REST API', 'Record', 'i', () => import('../pages/api')),
  page('/add-device', 'Add a device', 'Trust', 'n', () => import('../pages/add-device')),
  page('/enrollments', 'Enrollments', 'Trust', 'e', () => import('../pages/enrollments')),
  page('/authorities', 'Authorities', 'Trust', 'a', () => import('../pages/authorities')),
  page('/people', 'People and sessions', 'People', 's', () => import('../pages/people')),
  page('/roles', 'Roles', 'People', 'h', () => import('../pages/roles')),
  page('/approvals', 'Approvals', 'People', 'v', () => import('../pages/approvals')),
  page('/reviews', 'Reviews', 'People', 'w', () => import('../pages/reviews')),
  page('/service-tokens', 'Service tokens', 'People', 't', () => import('../pages/service-tokens')),
  page('/command-schemas', 'Listed commands', 'Trust', 'm', () => import('../pages/command-schemas')),
  page('/account', 'Your account', 'People', 'u', () => import('../pages/account')),
  page('/command-line', 'Let a command line in', '', '', () => import('../pages/account-command-line')),
];

/** Begin to fetch the page that stands at a path, while it is found out who is here. */
export function preload(path: string): void {
  const found = PAGES.find((each) => each.path === path) ?? PAGES.find((each) => matches(each.path, path));
  found?.load().catch(() => undefined);
}

function matches(pattern: string, path: string): boolean {
  const at = pattern.indexOf(':');
  return at > 0 && path.startsWith(pattern.slice(0, at));
}
