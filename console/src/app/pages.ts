// Every page: its path, its name in the menu, and the module that draws it, loaded when it is first opened.
import { lazy, type ComponentType } from 'react';

export interface Page {
  path: string;
  title: string;
  group: 'Fleet' | 'Trust' | 'Record' | '';
  key: string;
  component: ComponentType;
}

export const PAGES: Page[] = [
  { path: '/', title: 'Overview', group: 'Fleet', key: 'o', component: lazy(() => import('../pages/overview')) },
  { path: '/devices', title: 'Devices', group: 'Fleet', key: 'd', component: lazy(() => import('../pages/devices')) },
  { path: '/devices/:device', title: 'Device', group: '', key: '', component: lazy(() => import('../pages/device')) },
  { path: '/refusals', title: 'Refused', group: 'Fleet', key: 'r', component: lazy(() => import('../pages/refusals')) },
  { path: '/clone-alerts', title: 'Clone alerts', group: 'Fleet', key: 'c', component: lazy(() => import('../pages/clone-alerts')) },
  { path: '/groups', title: 'Groups', group: 'Fleet', key: 'p', component: lazy(() => import('../pages/groups')) },
  { path: '/queries', title: 'Queries', group: 'Fleet', key: 'q', component: lazy(() => import('../pages/queries')) },
  { path: '/ledger', title: 'Ledger', group: 'Record', key: 'l', component: lazy(() => import('../pages/ledger')) },
  { path: '/api', title: 'REST API', group: 'Record', key: 'i', component: lazy(() => import('../pages/api')) },
  { path: '/add-device', title: 'Add a device', group: 'Trust', key: 'n', component: lazy(() => import('../pages/add-device')) },
  { path: '/enrollments', title: 'Enrollments', group: 'Trust', key: 'e', component: lazy(() => import('../pages/enrollments')) },
  { path: '/authorities', title: 'Authorities', group: 'Trust', key: 'a', component: lazy(() => import('../pages/authorities')) },
  { path: '/people', title: 'People and sessions', group: 'Trust', key: 's', component: lazy(() => import('../pages/people')) },
];
