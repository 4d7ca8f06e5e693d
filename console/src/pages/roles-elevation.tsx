// Roles that count for a while: what one holds oneself and may elevate oneself to, and who did lately.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { type Elevation, endElevation, useGroupName, useMay, useNameOf, useOwnElevations, useRights } from '../api/people';
import { serverNow } from '../api/server-clock';
import { useSession } from '../api/session';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Card, Foreign, ProblemNote, Time } from '../ui/ui';
import { GiveBack } from './roles-give-back';
import { placesInWords, timeLeft } from './roles-words';

type Grant = Schemas['GrantView'];

const LONG = [15, 30, 60, 120, 240, 480] as const;

/** What one holds now, and what one may make count. */
export function OwnRoles() {
  const session = useSession();
  const rights = useRights();
  const groupName = useGroupName();
  const elevations = useOwnElevations();
  const person = session.data?.person_id ?? null;
  const grants = useQuery({
    queryKey: ['grants', 'own', person],
    queryFn: () => take(api.GET('/v1/grants', { params: { query: { person_id: person, limit: 200 } } })),
    enabled: person !== null,
  });
  const active = elevations.data ?? [];
  const eligible = (grants.data?.items ?? []).filter(
    (each) => each.mode === 'eligible' && !active.some((elevation) => elevation.grant_id === each.grant_id),
  );
  const held = rights.data?.holdings ?? [];
  return (
    <Card title="Your roles now" actions={<CopyAs way={{ cli: ['role', 'rights'], path: '/v1/rights' }} />}>
      <ProblemNote error={rights.error ?? grants.error ?? elevations.error} />
      {rights.data && held.length === 0 && (
        <p className="muted">None. You see the state of the platform and look after your own sessions; an administrator grants more.</p>
      )}
      <ul className="plain" aria-label="Your roles now">
        {held
          .filter((each) => !active.some((one) => isSame(one, each)))
          .map((each) => (
            <li key={JSON.stringify(each)} className="line">
              <span>
                <strong>
                  <Foreign text={each.role} />
                </strong>{' '}
                <span className="muted">
                  <Foreign text={placesInWords(each, groupName)} />
                </span>
              </span>
            </li>
          ))}
        {active.map((each) => (
          <li key={each.elevation_id} className="line">
            <span>
              <strong>{each.role}</strong>{' '}
              <span className="muted">
                <Foreign text={placesInWords(each, groupName)} />, for: <Foreign text={each.reason} />
              </span>{' '}
              <Badge tone="warn">{timeLeft(each.ends_at, serverNow()) || 'ending'} left</Badge>
            </span>
            <GiveBack elevation={each} />
          </li>
        ))}
        {eligible.map((each) => (
          <li key={each.grant_id} className="line">
            <span>
              <strong>{each.role}</strong>{' '}
              <span className="muted">
                <Foreign text={placesInWords(each, groupName)} />
              </span>{' '}
              <Badge>does not count now</Badge>
            </span>
            <Elevate grant={each} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function isSame(one: Elevation, holding: Schemas['HoldingView']): boolean {
  return one.role === holding.role && placesInWords(one) === placesInWords(holding);
}

function Elevate({ grant }: { grant: Grant }) {
  const [minutes, setMinutes] = useState(60);
  return (
    <Act
      label="Elevate yourself"
      kind="primary"
      needsReason
      title={`Elevate yourself to ${grant.role}?`}
      act={(reason) => take(api.POST('/v1/elevations', { body: { grant_id: grant.grant_id, minutes, reason } }))}
    >
      <p>The role counts at once and ends by itself. Beginning and end are on record with your reason.</p>
      <div className="field">
        <label htmlFor="elevate-minutes">For</label>
        <select
          id="elevate-minutes"
          className="input"
          value={minutes}
          onChange={(event) => setMinutes(Number(event.target.value))}
        >
          {LONG.map((each) => (
            <option key={each} value={each}>
              {each < 60 ? `${each} minutes` : each === 60 ? '1 hour' : `${each / 60} hours`}
            </option>
          ))}
        </select>
      </div>
    </Act>
  );
}

/** Who elevated themselves to what, youngest first. */
export function Elevations() {
  const session = useSession();
  const may = useMay();
  const nameOf = useNameOf();
  const groupName = useGroupName();
  const own = may('audit') ? undefined : (session.data?.person_id ?? undefined);
  const elevations = useLongList<Elevation>(['elevations', 'all', own], (after) =>
    take(api.GET('/v1/elevations', { params: { query: { limit: 200, after, person_id: own } } })),
  );
  const columns: Column<Elevation>[] = [
    { title: 'Person', width: 'minmax(120px, 1fr)', cell: (each) => <Foreign text={nameOf(each.person_id)} /> },
    { title: 'Role', width: '110px', cell: (each) => each.role },
    { title: 'Where', width: 'minmax(110px, 1fr)', cell: (each) => <Foreign text={placesInWords(each, groupName)} /> },
    { title: 'Why', width: 'minmax(120px, 2fr)', cell: (each) => <Foreign text={each.reason} /> },
    { title: 'Began', width: '120px', cell: (each) => <Time at={each.begun_at} /> },
    { title: 'State', width: '150px', cell: (each) => <State elevation={each} mayEnd={may('managePeople')} /> },
  ];
  return (
    <Card
      title="Who elevated themselves in the last 90 days"
      actions={<CopyAs way={{ cli: ['elevation', 'list'], path: '/v1/elevations' }} />}
    >
      <ProblemNote error={elevations.error} />
      <div className="list">
        <Table
          label="Elevations"
          columns={columns}
          items={elevations.items}
          offset={elevations.offset}
          keyOf={(each) => each.elevation_id}
          hasMore={elevations.hasMore}
          isLoading={elevations.isLoading}
          onMore={elevations.onMore}
          onBefore={elevations.onBefore}
          empty="Nobody did. Grant a role as eligible: its holder makes it count when they need it, with a reason and an end."
        />
      </div>
    </Card>
  );
}

function State({ elevation, mayEnd }: { elevation: Elevation; mayEnd: boolean }) {
  if (!elevation.is_active)
    return (
      <span className="muted">
        {elevation.ended_at ? 'given back' : 'ended'} <Time at={elevation.ended_at ?? elevation.ends_at} />
      </span>
    );
  return (
    <span className="row-of">
      <Badge tone="warn">{timeLeft(elevation.ends_at, serverNow()) || 'ending'} left</Badge>
      {mayEnd && (
        <Act label="End" kind="quiet" title="End this elevation?" act={() => endElevation(elevation.elevation_id)}>
          <p>The role no longer counts from their next request on.</p>
        </Act>
      )}
    </span>
  );
}
