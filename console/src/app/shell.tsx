// What every page stands in: menu, palette, preferences, activity.
import { Suspense, useCallback, useState } from 'react';
import { Link, Route, Switch } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import icon from '../icon.svg';
import { Button, Card, Empty, Foreign } from '../ui/ui';
import { titleOf, useArrival } from './arrival';
import { Boundary } from './boundary';
import { useKeys } from './keys';
import { Menu } from './menu';
import { Palette } from './palette';
import { PAGES } from './pages';
import { usePreferences } from './preferences';
import './shell.css';
import { Strip } from './strip';

export function Shell({ name, logOut }: { name: string; logOut: () => void }) {
  const location = usePathname();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const openPalette = useCallback(() => setPaletteOpen(true), []);
  const { theme, setTheme, density, setDensity } = usePreferences();
  useArrival(location);
  useKeys(openPalette);
  return (
    <div className="shell">
      <a href="#main" className="skip">
        Skip to the page
      </a>
      <header className="top">
        <Link href="/" className="brand">
          <img src={icon} alt="" /> Vedette
        </Link>
        <div className="bar">
          <Button kind="quiet" onPress={openPalette}>
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
            <Link href="/account" className="button quiet">
              You: <Foreign text={name} />
            </Link>
            <Button kind="quiet" onPress={logOut}>
              Log out
            </Button>
          </div>
        </div>
      </header>
      <Menu location={location} />
      <main id="main" tabIndex={-1} aria-label={titleOf(location)}>
        <Boundary key={location}>
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
        </Boundary>
      </main>
      <Strip />
      <Palette isOpen={isPaletteOpen} close={() => setPaletteOpen(false)} />
    </div>
  );
}
