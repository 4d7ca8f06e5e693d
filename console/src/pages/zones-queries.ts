// What the pages of zones ask for, and the words for it.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, type Schemas, take } from '../api/client';
import { useQueryState } from '../app/url';

export type Zone = Schemas['ZoneView'];
export type Conduit = Schemas['ConduitView'];
export type Plan = Schemas['PlanView'];
export type Service = Schemas['ServiceView'];
export type Judged = Schemas['JudgedView'];
export type Violation = Schemas['ViolationView'];
export type Replay = Schemas['ReplayView'];

export const EXTERNAL = 'external';
const PAGE = 1000;
const PAGES_MAX = 20;
const STALE_MS = 30_000;

interface Part<T> {
  items: T[];
  next?: string | null;
}

/** Read pages until there are no more. */
export async function readEvery<T>(read: (after: string) => Promise<Part<T>>): Promise<T[]> {
  const found: T[] = [];
  let after: string | null | undefined = '';
  for (let page = 0; page < PAGES_MAX && after !== null && after !== undefined; page += 1) {
    const part: Part<T> = await read(after);
    found.push(...part.items);
    after = part.next || null;
  }
  return found;
}

export function usePlans() {
  return useQuery({
    queryKey: ['zones', 'plans'],
    queryFn: () => take(api.GET('/v1/segmentation/plans', { params: { query: { limit: 100 } } })),
    refetchInterval: STALE_MS,
  });
}

/** Which version is looked at: the one that the address names, else the one in force, else the draft. */
export function useWhich() {
  const [parameters] = useQueryState();
  const plans = usePlans();
  const items = plans.data?.items ?? [];
  const approved = items.find((each) => each.state === 'approved');
  const draft = items.find((each) => each.state === 'draft');
  const asked = parameters.get('plan') ?? '';
  const fallback = approved ? 'approved' : draft ? 'draft' : '';
  const which = /^(approved|draft|[1-9]\d{0,8})$/u.test(asked) ? asked : fallback;
  const version = which === 'approved' ? approved : which === 'draft' ? draft : items.find((each) => String(each.number) === which);
  return { which, version, approved, draft, items, plans };
}

export function useZones(which: string) {
  return useQuery({
    queryKey: ['zones', 'list', which],
    queryFn: () => readEvery<Zone>((after) => take(api.GET('/v1/zones', { params: { query: { plan: which, limit: PAGE, after } } }))),
    enabled: which !== '',
  });
}

export function useConduits(which: string) {
  return useQuery({
    queryKey: ['zones', 'conduits', which],
    queryFn: () =>
      readEvery<Conduit>((after) => take(api.GET('/v1/conduits', { params: { query: { plan: which, limit: PAGE, after } } }))),
    enabled: which !== '',
  });
}

export function usePlanDetail(which: string) {
  return useQuery({
    queryKey: ['zones', 'plan', which],
    queryFn: () => take(api.GET('/v1/segmentation/plans/{number}', { params: { path: { number: which } } })),
    enabled: which !== '',
  });
}

export function useDifference(which: string, from: string) {
  return useQuery({
    queryKey: ['zones', 'difference', which, from],
    queryFn: () =>
      take(api.GET('/v1/segmentation/plans/{number}/difference', { params: { path: { number: which }, query: { from } } })),
    enabled: which !== '' && which !== from,
  });
}

/** All traffic that was ever seen, judged by a version; the whole network is read for it. */
export function useReplay(which: string, isOn = true) {
  return useQuery({
    queryKey: ['zones', 'replay', which],
    queryFn: () => take(api.POST('/v1/segmentation/replay', { params: { query: { plan: which } }, body: { attack: [] } })),
    enabled: which !== '' && isOn,
    staleTime: STALE_MS,
    placeholderData: keepPreviousData,
  });
}

export function useViolations() {
  return useQuery({
    queryKey: ['zones', 'violations'],
    queryFn: () =>
      readEvery<Violation>((after) => take(api.GET('/v1/segmentation/violations', { params: { query: { limit: PAGE, after } } }))),
    refetchInterval: STALE_MS,
  });
}
