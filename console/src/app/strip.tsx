// The activity strip: what was done last and by whom, on every page, live.
import { useState } from 'react';
import { Link } from 'wouter';
import { useStream } from '../api/stream';
import { called } from '../ui/text';
import { Foreign, Time } from '../ui/ui';

interface Told {
  event_id: string;
  name: string;
  occurred_at: string;
  position: number;
  actor: { kind: string; id: string };
  data: { device_id?: string };
}

const SHOWN = 3;

/** Say an event's name in words: `registry.device_disabled` becomes `device disabled`. */
export function inWords(name: string): string {
  return name.slice(name.indexOf('.') + 1).replaceAll('_', ' ');
}

export function Strip() {
  const [events, setEvents] = useState<Told[]>([]);
  const state = useStream('/v1/events', (batch) =>
    setEvents((before) =>
      [...batch.map((event) => JSON.parse(event.data) as Told).reverse(), ...before].slice(0, SHOWN),
    ),
  );
  return (
    <section className="strip" aria-label="Activity">
      {state === 'waiting' && <p>The live connection is interrupted; it is tried again.</p>}
      {events.length === 0 ? (
        <span>Nothing has happened since this page was opened.</span>
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
              )}{' '}
              · by <Foreign text={called(event.actor.id)} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
