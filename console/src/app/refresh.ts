// What an event is about is read anew, so that a page shows an act as soon as it is done, by whomever.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef } from 'react';

const PAUSE_MS = 1_000;
const OF_A_DEVICE = ['device', 'twin', 'commands', 'certificates', 'modules', 'decisions', 'history', 'access', 'health', 'quarantine'];
const OF_ALL = [['status'], ['ledger', 'newest'], ['clone-alerts'], ['groups'], ['quarantines'], ['alert-newest'], ['alert-counts']];

/** What an event is about. */
interface About {
  data: { device_id?: string };
}

/** Return what takes events; many of them in a short time are answered by one look. */
export function useRefresh(): (told: readonly About[]) => void {
  const queries = useQueryClient();
  const waiting = useRef<{ names: Set<string>; timer: ReturnType<typeof setTimeout> | undefined; last: number }>({
    names: new Set(),
    timer: undefined,
    last: 0,
  });
  useEffect(() => () => clearTimeout(waiting.current.timer), []);
  return useCallback(
    (told) => {
      const { current } = waiting;
      for (const { data } of told) if (data.device_id) current.names.add(data.device_id);
      current.timer ??= setTimeout(
        () => {
          const names = current.names;
          Object.assign(current, { names: new Set(), timer: undefined, last: Date.now() });
          for (const queryKey of OF_ALL) void queries.invalidateQueries({ queryKey });
          void queries.invalidateQueries({
            predicate: ({ queryKey: [kind, name] }) =>
              OF_A_DEVICE.includes(String(kind)) && typeof name === 'string' && names.has(name),
          });
        },
        Math.max(0, current.last + PAUSE_MS - Date.now()),
      );
    },
    [queries],
  );
}
