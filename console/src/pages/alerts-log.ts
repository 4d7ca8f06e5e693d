// Alerts as a page reads them: by pages, and what comes meanwhile, which moves nothing that somebody looks at.
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { api, type paths, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { searchOf, type Wanted } from './alerts-words';

const PAGE = 200;
const NEWEST = 50;
const LOOK_MS = 10_000;

type By = NonNullable<NonNullable<paths['/v1/alerts/groups']['get']['parameters']['query']>['by']>;

/** Tell whether the list stands at its beginning, where a new row moves nothing away. */
function isAtTop(): boolean {
  return (document.querySelector('main .table')?.scrollTop ?? 0) < 8;
}

/** Follow the alerts that are wanted; while `isBusy` or scrolled away, what comes is counted and not shown. */
export function useAlerts(wanted: Wanted, isBusy: boolean) {
  const search = searchOf(wanted);
  const key = useMemo(() => ['alerts', JSON.stringify(search)], [JSON.stringify(search)]);
  const list = useLongList(key, (after) => take(api.GET('/v1/alerts', { params: { query: { ...search, limit: PAGE, after } } })));
  // Told of each event, and looked for now and then beside.
  const newest = useQuery({
    queryKey: ['alert-newest', key[1]],
    queryFn: () => take(api.GET('/v1/alerts', { params: { query: { ...search, limit: NEWEST } } })),
    enabled: !list.isFirst,
    refetchInterval: LOOK_MS,
  });
  const queries = useQueryClient();
  const { items } = list;
  const shown = useMemo(() => new Map(items.map((each) => [each.alert_id, each.revision + each.times])), [items]);
  const coming = (newest.data?.items ?? []).filter((each) => !shown.has(each.alert_id)).length;
  const isOther = (newest.data?.items ?? []).some((each) => shown.has(each.alert_id) && shown.get(each.alert_id) !== each.revision + each.times);
  const { isLoading } = list;
  useEffect(() => {
    if (isLoading || isBusy || (coming === 0 && !isOther)) return;
    if (coming === 0 || isAtTop()) void queries.invalidateQueries({ queryKey: key });
  }, [coming, isOther, isLoading, isBusy, key, queries]);
  return { ...list, waiting: coming, showThem: () => void queries.invalidateQueries({ queryKey: key }) };
}

/** Count alerts by what one asks first. */
export function useAlertCounts(wanted: Wanted) {
  const { order, state, is_loud, ...rest } = searchOf(wanted);
  return useQuery({
    queryKey: ['alert-counts', rest],
    queryFn: () => take(api.GET('/v1/alerts/overview', { params: { query: rest } })),
    placeholderData: keepPreviousData,
    refetchInterval: LOOK_MS,
  });
}

/** Count alerts by what they share. */
export function useAlertGroups(wanted: Wanted, by: string) {
  const { order, ...rest } = searchOf(wanted);
  return useQuery({
    queryKey: ['alert-counts', 'groups', by, rest],
    queryFn: () => take(api.GET('/v1/alerts/groups', { params: { query: { ...rest, by: by as By } } })),
    enabled: by !== '',
    placeholderData: keepPreviousData,
    refetchInterval: LOOK_MS,
  });
}
