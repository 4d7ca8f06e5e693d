// The activity strip: what was done last and by whom, on every page, live.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { useOwnElevations } from '../api/people';
import { serverNow } from '../api/server-clock';
import { useStream } from '../api/stream';
import { GiveBack } from '../pages/roles-give-back';
import { timeLeft } from '../pages/roles-words';
import { actorName } from '../ui/text';
import { Badge, Foreign, Time } from '../ui/ui';
import { useRefresh } from './refresh';
import { useSight } from './sight';

export interface Told {
  event_id: string;
  name: string;
  occurred_at: string;
  position: number;
  actor: { kind: string; id: string; name?: string };
  data: { device_id?: string; current?: string };
}

const SHOWN = 3;
// Where the stream begins: not each entry of the ledger is an event.
const BEFORE = 20;

/** Say an event's name in words: `registry.device_disabled` becomes `device disabled`. */
export function inWords(name: string): string {
  return name.slice(name.indexOf('.') + 1).replaceAll('_', ' ');
}

const TICK_MS = 15_000;

/** Say which role counts for a while, how long yet, and give it back. */
function Elevated() {
  const elevations = useOwnElevations();
  const [now, setNow] = useState(serverNow);
  const active = elevations.data ?? [];
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return active.map((each) => (
    <p key={each.elevation_id} className="row-of" role="status">
      <Badge tone="warn">
        {each.role} for {timeLeft(each.ends_at, now) || 'a moment'} yet
      </Badge>
      <span>
        <Foreign text={each.reason} />
      </span>
      <GiveBack elevation={each} />
    </p>
  ));
}

export function Strip() {
  const [events, setEvents] = useState<Told[]>([]);
  const sight = useSight();
  const size = useQuery({
    queryKey: ['strip', sight],
    queryFn: async () => (await take(api.GET('/v1/ledger'))).size,
    enabled: sight !== null,
    staleTime: 'static',
  });
  const url = sight === null || size.data === undefined ? null : `/v1/events?after=${Math.max(0, size.data - BEFORE)}`;
  const refresh = useRefresh();
  const state = useStream(url, (batch) => {
    const told = batch.map((event) => JSON.parse(event.data) as Told);
    refresh(told);
    setEvents((before) => {
      const newest = before[0]?.position ?? -1;
      return [...told.filter((each) => each.position > newest).reverse(), ...before].slice(0, SHOWN);
    });
  });
  return (
    <section className="strip" aria-label="Activity">
      <Elevated />
      {state === 'waiting' && <p>The live connection is interrupted; it is tried again.</p>}
      {events.length === 0 ? (
        <span>Nothing has happened yet.</span>
      ) : (
        <ol>
          {events.map((event) => (
            <li key={event.event_id}>
              <Time at={event.occurred_at} /> · {inWords(event.name)}
              {event.data.device_id && (
                <>
                  {' '}
                  <Link href={`/devices/${encodeURIComponent(event.data.device_id)}`}>
                    <Foreign text={event.data.device_id} />
                  </Link>
                </>
              )}
              {event.name === 'registry.lifecycle_changed' && event.data.current && `: ${event.data.current}`}{' '}
              · by <Foreign text={actorName(event.actor)} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
