// Who somebody is, what one may do, and which sites and groups there are: what several pages about people ask for.
import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { api, type Schemas, take } from './client';
import { called } from '../ui/text';
import { useSession } from './session';

export type Person = Schemas['PersonView'];
export type Elevation = Schemas['ElevationView'];

const MOST = 500;

export function usePeople() {
  return useQuery({
    queryKey: ['people'],
    queryFn: () => take(api.GET('/v1/people', { params: { query: { limit: MOST } } })),
  });
}

/** Return what names a person by their id, as far as one may know them; else what it is. */
export function useNameOf(): (id: string) => string {
  const people = usePeople();
  const session = useSession();
  const { person_id: ownId = null, name: ownName = '' } = session.data ?? {};
  const names = useMemo(() => {
    const found = new Map((people.data?.items ?? []).map((each) => [each.person_id, each.name]));
    if (ownId !== null) found.set(ownId, ownName);
    return found.set('operator-token', 'the host’s token');
  }, [people.data, ownId, ownName]);
  return useCallback((id: string) => names.get(id) ?? called(id), [names]);
}

/** How many acts of others wait for somebody's approval, among those that one may see. */
export function useWaitingApprovals(): number {
  const session = useSession();
  const waiting = useQuery({
    queryKey: ['approvals', 'count'],
    queryFn: () => take(api.GET('/v1/approvals', { params: { query: { is_open: true, limit: 100 } } })),
    refetchInterval: 15_000,
  });
  return (waiting.data?.items ?? []).filter((each) => each.asked_by !== session.data?.actor_id).length;
}

/** What one holds and may do at this moment. */
export function useRights() {
  return useQuery({ queryKey: ['rights'], queryFn: () => take(api.GET('/v1/rights')), refetchInterval: 30_000 });
}

/** Return what tells whether one may do something; while that is not known, one may. */
export function useMay(): (action: string) => boolean {
  const rights = useRights();
  return (action) => rights.data === undefined || rights.data.actions.includes(action);
}

/** Return what names a group by its id. */
export function useGroups() {
  return useQuery({
    queryKey: ['groups'],
    queryFn: () => take(api.GET('/v1/groups', { params: { query: { limit: MOST } } })),
    staleTime: 30_000,
  });
}

export function useGroupName(): (id: string) => string {
  const groups = useGroups();
  const names = useMemo(() => new Map((groups.data?.items ?? []).map((each) => [each.group_id, each.name])), [groups.data]);
  return useCallback((id: string) => names.get(id) ?? id, [names]);
}

/** The sites that devices stand at. */
export function useSites() {
  return useQuery({
    queryKey: ['sites'],
    queryFn: async () => {
      const query = 'SELECT site, COUNT() AS n FROM devices GROUP BY site';
      const found = await take(api.POST('/v1/query', { body: { query, limit: 100 } }));
      const sites = (found.items as { site?: unknown }[]).map((each) => each.site);
      return sites.filter((each): each is string => typeof each === 'string' && each !== '').sort();
    },
    staleTime: 60_000,
  });
}

/** One's own elevations that last. */
export function useOwnElevations() {
  const session = useSession();
  const person = session.data?.person_id ?? null;
  return useQuery({
    queryKey: ['elevations', person],
    queryFn: async () => {
      const found = await take(api.GET('/v1/elevations', { params: { query: { person_id: person, limit: 50 } } }));
      return found.items.filter((each) => each.is_active);
    },
    enabled: person !== null,
    refetchInterval: 30_000,
  });
}

/** End an elevation of one's own before its time. */
export function endElevation(id: string) {
  return take(api.DELETE('/v1/elevations/{elevation_id}', { params: { path: { elevation_id: id } } }));
}
