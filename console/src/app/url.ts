// State in the URL: what is shown can be bookmarked, sent to a colleague, and reached by the back button.
import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';

/** Return the query's parameters and a function that changes some of them; an empty value removes one. */
export function useQueryState(): [URLSearchParams, (changes: Record<string, string>, push?: boolean) => void] {
  const search = useSearch();
  const [location, navigate] = useLocation();
  const parameters = useMemo(() => new URLSearchParams(search), [search]);
  const change = useCallback(
    (changes: Record<string, string>, push = false) => {
      const next = new URLSearchParams(search);
      for (const [key, value] of Object.entries(changes)) {
        if (value) next.set(key, value);
        else next.delete(key);
      }
      const query = next.toString();
      navigate(query ? `${location}?${query}` : location, { replace: !push });
    },
    [search, location, navigate],
  );
  return [parameters, change];
}

/** Return a link to a page with parameters; empty ones are left out. */
export function link(path: string, parameters: Record<string, string> = {}): string {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();
  return query ? `${path}?${query}` : path;
}
