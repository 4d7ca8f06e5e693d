// Give somebody a role: which, where, until when, and whether it counts always or while they have elevated themselves.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, take } from '../api/client';
import { useNameOf, usePeople } from '../api/people';
import { Act } from '../ui/act';
import { EVERYWHERE, Places, placesOf } from './roles-places';
import { type Role, ROLES } from './roles-words';

/** Return the end of a day here, as the API takes it; null for no day. */
export function endOf(day: string): string | null {
  return day ? new Date(`${day}T23:59:59`).toISOString() : null;
}

export function GrantRole({ person: chosen }: { person: string }) {
  const [person, setPerson] = useState('');
  const [role, setRole] = useState<Role>('operator');
  const [places, setPlaces] = useState(EVERYWHERE);
  const [isEligible, setEligible] = useState(false);
  const [day, setDay] = useState('');
  const people = usePeople();
  const nameOf = useNameOf();
  const roles = useQuery({ queryKey: ['roles'], queryFn: () => take(api.GET('/v1/roles')), staleTime: 600_000 });
  const to = person || chosen || people.data?.items[0]?.person_id || '';
  const summary = roles.data?.items.find((each) => each.role === role)?.summary;
  return (
    <Act
      label="Grant a role"
      kind="primary"
      startsAtReason={false}
      isDisabled={!to}
      title="Grant a role"
      act={(reason) =>
        take(
          api.POST('/v1/people/{person_id}/grants', {
            params: { path: { person_id: to } },
            body: { role, ...placesOf(places), mode: isEligible ? 'eligible' : 'active', expires_at: endOf(day), reason },
          }),
        )
      }
      onDone={() => {
        setPlaces(EVERYWHERE);
        setDay('');
        setEligible(false);
      }}
    >
      <div className="field">
        <label htmlFor="grant-person">To</label>
        <select id="grant-person" className="input" autoFocus value={to} onChange={(event) => setPerson(event.target.value)}>
          {(people.data?.items ?? []).map((each) => (
            <option key={each.person_id} value={each.person_id}>
              {nameOf(each.person_id)}
            </option>
          ))}
        </select>
      </div>
      <RoleChoice id="grant-role" role={role} onChange={setRole} summary={summary} />
      <Places value={places} onChange={setPlaces} />
      <div className="field">
        <label htmlFor="grant-mode">It counts</label>
        <select
          id="grant-mode"
          className="input"
          value={isEligible ? 'eligible' : 'active'}
          onChange={(event) => setEligible(event.target.value === 'eligible')}
        >
          <option value="active">always, from their next request on</option>
          <option value="eligible">only while they have elevated themselves to it, with a reason and an end</option>
        </select>
      </div>
      <div className="field">
        <label htmlFor="grant-day">Last day (optional); it ends by itself then</label>
        <input id="grant-day" className="input" type="date" value={day} onChange={(event) => setDay(event.target.value)} />
      </div>
    </Act>
  );
}

export function RoleChoice({ id, role, onChange, summary }: {
  id: string;
  role: Role;
  onChange: (role: Role) => void;
  summary: string | undefined;
}) {
  return (
    <div className="field">
      <label htmlFor={id}>Role</label>
      <select
        id={id}
        className="input"
        value={role}
        aria-describedby={`${id}-summary`}
        onChange={(event) => onChange(event.target.value as Role)}
      >
        {ROLES.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
      <span id={`${id}-summary`} className="muted">
        {summary ?? ''}
      </span>
    </div>
  );
}
