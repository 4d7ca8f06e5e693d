// A page that was navigated to begins at its top, has the focus, and its title is read aloud, as when a browser loads one.
import { useEffect, useRef } from 'react';
import { visible } from '../ui/text';
import { PAGES } from './pages';
import { nameIn } from './url';

/** Name the page of a path; a device's page by the device. */
export function titleOf(location: string): string {
  const exact = PAGES.find((page) => page.path === location);
  if (exact) return exact.title;
  const above = PAGES.find((page) => page.path !== '/' && location.startsWith(`${page.path}/`));
  if (!above) return 'No such page';
  return `${visible(nameIn(location)) || '?'} – ${above.title}`;
}

export function useArrival(location: string): void {
  const before = useRef(location);
  useEffect(() => {
    document.title = `${titleOf(location)} – Vedette`;
    if (before.current === location) return undefined;
    before.current = location;
    const main = document.getElementById('main');
    main?.scrollTo(0, 0);
    // After a dialog that closes has put the focus back to where it was opened.
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => {
        if (!main?.contains(document.activeElement)) main?.focus({ preventScroll: true });
      });
    });
    return () => cancelAnimationFrame(frame);
  }, [location]);
}
