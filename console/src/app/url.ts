// State in the URL: what is shown can be bookmarked, sent to a colleague, and reached by the back button.
import { useCallback, useMemo } from 'react';
import { useLocation } from 'wouter';
// As they stand in the address: the router's own are decoded once already, and a name may hold a percent sign.
import { usePathname, useSearch } from 'wouter/use-browser-location';

/** Return the query's parameters and a function that changes some of them; an empty value removes one. */
export function useQueryState(): [URLSearchParams, (changes: Record<string, string>, push?: boolean) => void] {
  const search = useSearch();
  const path = usePathname();
  const [, navigate] = useLocation();
  const parameters = useMemo(() => new URLSearchParams(search), [search]);
  const change = useCallback(
    (changes: Record<string, string>, push = false) => {
      const next = new URLSearchParams(search);
      for (const [key, value] of Object.entries(changes)) {
        if (value) next.set(key, value);
        else next.delete(key);
      }
      const query = next.toString();
      navigate(query ? `${path}?${query}` : path, { replace: !push });
    },
    [search, path, navigate],
  );
  return [parameters, change];
}

/** Return a link to a page with parameters; empty ones are left out. */
export function link(path: string, parameters: Record<string, string> = {}): string {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();
  return query ? `${path}?${query}` : path;
}

/** Return the last part of a path as it was before it was encoded; empty if it cannot be. */
export function nameIn(path: string): string {
  try {
    return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
  } catch {
    return '';
  }
}
