// What a person likes: kept in this browser, applied before the first paint.
import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';
export type Density = 'comfortable' | 'compact';

const listeners = new Set<() => void>();
const dark = matchMedia('(prefers-color-scheme: dark)');

function read<T extends string>(key: string, usual: T): T {
  try {
    return (localStorage.getItem(`vedette.${key}`) as T | null) ?? usual;
  } catch {
    return usual;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(`vedette.${key}`, value);
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
  memory[key] = value;
  apply();
  for (const listener of listeners) listener();
}

const memory: Record<string, string> = {};
const current = <T extends string>(key: string, usual: T): T => (memory[key] as T | undefined) ?? read(key, usual);

/** Put theme and density on the document. */
export function apply(): void {
  const theme = current<Theme>('theme', 'system');
  const root = document.documentElement;
  root.dataset.theme = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
  root.dataset.density = current<Density>('density', 'comfortable');
}

dark.addEventListener('change', () => {
  apply();
  for (const listener of listeners) listener();
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return theme and density, and what changes them. */
export function usePreferences() {
  const theme = useSyncExternalStore(subscribe, () => current<Theme>('theme', 'system'));
  const density = useSyncExternalStore(subscribe, () => current<Density>('density', 'comfortable'));
  const shown = useSyncExternalStore(subscribe, () => document.documentElement.dataset.theme ?? 'light');
  return {
    theme,
    /** What `system` has come to. */
    shown,
    density,
    setTheme: (value: Theme) => write('theme', value),
    setDensity: (value: Density) => write('density', value),
  };
}
