// What every page stands in: menu, palette, preferences, activity.
import { Suspense, useEffect, useState } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import icon from '../icon.svg';
import { Button, Card, Empty } from '../ui/ui';
import { Palette } from './palette';
import { PAGES } from './pages';
import { usePreferences } from './preferences';
import './shell.css';
import { Strip } from './strip';

const GROUPS = ['Fleet', 'Trust', 'Record'] as const;

export function Shell({ logOut }: { logOut: () => void }) {
  const [location, navigate] = useLocation();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const { theme, setTheme, density, setDensity } = usePreferences();
  useEffect(() => {
    let isGoing = false;
    const onKey = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea, select, [contenteditable]');
      if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
        event.preventDefault();
        setPaletteOpen(true);
      } else if (isTyping || event.ctrlKey || event.metaKey || event.altKey) {
        isGoing = false;
      } else if (isGoing) {
        isGoing = false;
        const page = PAGES.find((each) => each.group && each.key === event.key);
        if (page) navigate(page.path);
      } else {
        isGoing = event.key === 'g';
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [navigate]);
  useEffect(() => {
    const page = PAGES.filter((each) => location === each.path || (each.path !== '/' && location.startsWith(each.path)));
    document.title = `${page.at(-1)?.title ?? 'Vedette'} – Vedette`;
  }, [location]);
  return (
    <div className="shell">
      <a href="#main" className="skip">
        Skip to the page
      </a>
      <Link href="/" className="brand">
        <img src={icon} alt="" /> Vedette
      </Link>
      <header className="bar">
        <Button kind="quiet" onPress={() => setPaletteOpen(true)}>
          Go to… <kbd>Ctrl K</kbd>
        </Button>
        <div className="right">
          <Button kind="quiet" onPress={() => setDensity(density === 'compact' ? 'comfortable' : 'compact')}>
            {density === 'compact' ? 'Comfortable' : 'Compact'}
          </Button>
          <label className="visually-hidden" htmlFor="theme">
            Theme
          </label>
          <select
            id="theme"
            className="input"
            value={theme}
            onChange={(event) => setTheme(event.target.value as typeof theme)}
          >
            <option value="system">System theme</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
          <Button kind="quiet" onPress={logOut}>
            Log out
          </Button>
        </div>
      </header>
      <nav aria-label="Pages">
        {GROUPS.map((group) => {
          const pages = PAGES.filter((page) => page.group === group);
          return (
            pages.length > 0 && (
              <section key={group}>
                <h2>{group}</h2>
                {pages.map((page) => (
                  <Link
                    key={page.path}
                    href={page.path}
                    aria-current={isWithin(location, page.path) ? 'page' : undefined}
                  >
                    {page.title}
                  </Link>
                ))}
              </section>
            )
          );
        })}
      </nav>
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<Empty>Loading…</Empty>}>
          <Switch>
            {PAGES.map((page) => (
              <Route key={page.path} path={page.path} component={page.component} />
            ))}
            <Route>
              <Card title="There is no such page">
                <p>
                  The address may be mistyped, or from a newer release. <Link href="/">Go to the overview</Link>.
                </p>
              </Card>
            </Route>
          </Switch>
        </Suspense>
      </main>
      <Strip />
      <Palette isOpen={isPaletteOpen} close={() => setPaletteOpen(false)} />
    </div>
  );
}

function isWithin(location: string, path: string): boolean {
  return location === path || (path !== '/' && location.startsWith(`${path}/`));
}
