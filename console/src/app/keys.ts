// Keys that work on every page: Ctrl-K, `g` and a page's letter, `/` for the filter, `j` and `k` for the list.
import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { PAGES } from './pages';

const TYPED_INTO = 'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], [role=dialog], [role=dialog] *';

export function useKeys(openPalette: () => void): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    let isGoing = false;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Shift') return;
      const wasGoing = isGoing;
      isGoing = false;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        openPalette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.target instanceof HTMLElement && event.target.matches(TYPED_INTO)) return;
      if (wasGoing) {
        const page = PAGES.find((each) => each.group && each.key === event.key);
        if (page) navigate(page.path);
      } else if (event.key === 'g') {
        isGoing = true;
      } else if (event.key === '/') {
        focus('main [role=combobox], main textarea, main input:not([type=checkbox])', event);
      } else if ((event.key === 'j' || event.key === 'k') && !(event.target as Element).closest?.('[role=grid]')) {
        focus('main [role=grid]', event);
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [navigate, openPalette]);
}

function focus(selector: string, event: KeyboardEvent): void {
  const found = document.querySelector<HTMLElement>(selector);
  if (!found) return;
  event.preventDefault();
  found.focus();
}
