// Whether anybody can see the page. A browser opens six connections to a host: pages out of sight must not hold theirs.
import { useEffect, useState } from 'react';

const LEAVE_MS = 60_000;

/** Return the number of the time that the page is being looked at, or null a minute after it went out of sight. */
export function useSight(): number | null {
  const [sight, setSight] = useState<number | null>(1);
  useEffect(() => {
    let times = 1;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => setSight(null), LEAVE_MS);
      else
        setSight((before) => {
          if (before === null) times += 1;
          return times;
        });
    };
    document.addEventListener('visibilitychange', look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, []);
  return sight;
}
