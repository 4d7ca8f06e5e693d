// What several pages ask for, each under one key, so that they share answers.
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { api, take } from './client';

export function useStatus() {
  return useQuery({ queryKey: ['status'], queryFn: () => take(api.GET('/v1/status')), refetchInterval: 5_000 });
}

/** Run a query of the hub's language; `null` asks nothing. */
export function useHubQuery(query: string | null, limit = 100) {
  return useQuery({
    queryKey: ['query', query, limit],
    queryFn: () => take(api.POST('/v1/query', { body: { query: query ?? '', limit } })),
    enabled: query !== null,
    placeholderData: keepPreviousData,
  });
}

/** Return how many devices a condition holds for, undefined while it is not known; `null` asks nothing. */
export function useCount(where: string | null): number | undefined {
  const found = useHubQuery(where === null ? null : `SELECT COUNT() AS n FROM devices WHERE ${where}`, 1);
  return (found.data?.items[0] as { n?: number } | undefined)?.n;
}

export function useRefusals(limit = 100) {
  return useInfiniteQuery({
    queryKey: ['refusals', limit],
    initialPageParam: '',
    queryFn: ({ pageParam }) => take(api.GET('/v1/refusals', { params: { query: { limit, after: pageParam } } })),
    getNextPageParam: (page) => page.next || undefined,
    refetchInterval: 10_000,
  });
}

export function useCloneAlerts() {
  return useQuery({
    queryKey: ['clone-alerts'],
    queryFn: () => take(api.GET('/v1/clone-alerts', { params: { query: { limit: 200 } } })),
    refetchInterval: 10_000,
  });
}

/** How many clone alerts nobody has looked into. */
export function useOpenCloneAlerts(): number {
  const alerts = useCloneAlerts();
  return (alerts.data?.items ?? []).filter((each) => each.is_open).length;
}

/** How many alerts of sensors somebody is to look at; undefined while that is not known. */
export function useOpenAlerts() {
  const found = useQuery({
    queryKey: ['alert-counts', 'open'],
    queryFn: () => take(api.GET('/v1/alerts/overview')),
    refetchInterval: 15_000,
    retry: false,
  });
  return found.data;
}
