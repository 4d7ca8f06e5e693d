// What the pages about policies ask for, each under one key.
import { useQuery } from '@tanstack/react-query';
import { api, type Schemas, take } from '../api/client';
import { actorName } from '../ui/text';

export type Bundle = Schemas['BundleView'];
export type Staging = Schemas['StagingView'];
export type Standing = Schemas['StandingView'];
export type Difference = Schemas['DifferenceView'];
export type Content = Schemas['PolicyContent'];
export type Site = Schemas['SiteView'];

const LIVE_MS = 3_000;

export function useStaging() {
  return useQuery({ queryKey: ['policy-staging'], queryFn: () => take(api.GET('/v1/policy-staging')), refetchInterval: LIVE_MS });
}

export function useBundles() {
  return useQuery({
    queryKey: ['policies'],
    queryFn: () => take(api.GET('/v1/policies', { params: { query: { limit: 200 } } })),
    refetchInterval: 10_000,
  });
}

/** A bundle with its content, which never changes; its stage does. */
export function useBundle(reference: string) {
  return useQuery({
    queryKey: ['policy', reference],
    queryFn: () => take(api.GET('/v1/policies/{bundle}', { params: { path: { bundle: reference } } })),
    enabled: reference !== '',
  });
}

export function useStanding(reference: string) {
  return useQuery({
    queryKey: ['policy-standing', reference],
    queryFn: () => take(api.GET('/v1/policies/{bundle}/standing', { params: { path: { bundle: reference } } })),
    refetchInterval: LIVE_MS,
  });
}

export function useDifference(reference: string, against: string) {
  return useQuery({
    queryKey: ['policy-difference', reference, against],
    queryFn: () =>
      take(api.GET('/v1/policies/{bundle}/difference', { params: { path: { bundle: reference }, query: { against } } })),
    enabled: reference !== '' && against !== '' && reference !== against,
  });
}

/** What whoever is here may do; undefined while it is not known. */
export function useRights(): Schemas['RightsView'] | undefined {
  return useQuery({ queryKey: ['rights'], queryFn: () => take(api.GET('/v1/rights')), staleTime: 30_000 }).data;
}

export function pathTo(reference: string | number): string {
  return `/policies/${encodeURIComponent(String(reference))}`;
}

/** Call a bundle as people do: its number, and its name where it has one. */
export function nameOf(bundle: { number: number; name: string } | undefined, sha256 = ''): string {
  if (!bundle) return sha256.slice(0, 8);
  return bundle.name ? `${bundle.number}, ${bundle.name}` : String(bundle.number);
}

/** What two of a bundle's figures make: how many of its decisions were refusals. */
export function deniedShare({ allowed, denied }: { allowed: number; denied: number }): string {
  const all = allowed + denied;
  if (all === 0) return 'nothing decided yet';
  const share = (100 * denied) / all;
  return `${share > 0 && share < 0.1 ? '< 0.1' : share.toFixed(share < 10 ? 1 : 0)} % refused`;
}

/** Return what a group is called; empty while it is not known. */
export function useGroupName(id: string): string {
  const group = useQuery({
    queryKey: ['group', id],
    queryFn: () => take(api.GET('/v1/groups/{group}', { params: { path: { group: id } } })),
    enabled: id !== '',
  });
  return group.data?.name ?? '';
}

const ITSELF: Record<string, string> = {
  'system:access': 'Vedette itself',
  'system:policy-watch': 'Vedette itself, which watched it',
  'operator:operator-token': "the host's token",
};

/** Return what names whoever acted, `kind:id`; people by their names, where one may see those. */
export function useNames(): (actor: string, name?: string) => string {
  const people = useQuery({
    queryKey: ['people', 'names'],
    queryFn: () => take(api.GET('/v1/people', { params: { query: { limit: 500 } } })),
    staleTime: 60_000,
    retry: false,
  });
  return (actor, name) => {
    const known = people.data?.items.find((each) => actor === `operator:${each.person_id}`)?.name;
    if (actor.startsWith('operator:link:')) return 'a one-time link';
    return ITSELF[actor] ?? (name || known || actorName({ id: actor }));
  };
}
