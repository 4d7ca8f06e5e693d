// What was put aside on the overview: in this browser, for a day.
import { useState } from 'react';

const KEY = 'vedette.put-aside';
const DAY_MS = 86_400_000;

type Aside = Record<string, number>;

/** Return what is still put aside. */
export function stillAside(kept: string | null, now: number): Aside {
  try {
    const entries = Object.entries(JSON.parse(kept ?? '{}') as Aside);
    return Object.fromEntries(entries.filter(([, until]) => typeof until === 'number' && until > now));
  } catch {
    return {};
  }
}

function read(): Aside {
  try {
    return stillAside(localStorage.getItem(KEY), Date.now());
  } catch {
    return {};
  }
}

function write(aside: Aside): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(aside));
  } catch {
    // A browser that keeps nothing: it lasts as long as the page.
  }
}

/** Return what tells whether something is put aside, what puts it aside, and what takes all of it back. */
export function usePutAside() {
  const [aside, setAside] = useState(read);
  const change = (next: Aside) => {
    write(next);
    setAside(next);
  };
  return {
    isAside: (id: string) => Object.hasOwn(aside, id),
    putAside: (id: string) => change({ ...aside, [id]: Date.now() + DAY_MS }),
    takeBack: () => change({}),
  };
}
