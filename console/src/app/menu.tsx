// The menu: every page in its group, with what is open on it.
import { Link } from 'wouter';
import { useWaitingApprovals } from '../api/people';
import { useOpenAlerts, useOpenCloneAlerts } from '../api/queries';
import { PAGES } from './pages';

const GROUPS = ['Fleet', 'Network', 'Trust', 'People', 'Record'] as const;

export function Menu({ location }: { location: string }) {
  const open: Record<string, number> = {
    '/clone-alerts': useOpenCloneAlerts(),
    '/alerts': useOpenAlerts()?.open ?? 0,
    '/approvals': useWaitingApprovals(),
  };
  return (
    <nav aria-label="Pages">
      {GROUPS.filter((group) => PAGES.some((page) => page.group === group)).map((group) => (
        <section key={group}>
          <h2>{group}</h2>
          {PAGES.filter((page) => page.group === group).map((page) => (
            <Link key={page.path} href={page.path} aria-current={isWithin(location, page.path) ? 'page' : undefined}>
              {page.title}
              {(open[page.path] ?? 0) > 0 && (
                <span className="unread">
                  {(open[page.path] ?? 0).toLocaleString('en')}
                  <span className="visually-hidden"> open</span>
                </span>
              )}
            </Link>
          ))}
        </section>
      ))}
    </nav>
  );
}

function isWithin(location: string, path: string): boolean {
  return location === path || (path !== '/' && location.startsWith(`${path}/`));
}
