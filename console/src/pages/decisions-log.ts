// The decision log as a page reads it: by pages from the newest back, and what comes meanwhile.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { api, type paths, take } from '../api/client';
import { type Decision, sequenceOf, withNews } from './decisions-words';

type Search = NonNullable<paths['/v1/decisions']['get']['parameters']['query']>;

const PAGE = 200;
const TAIL_MS = 2_000;
// What comes while one looks on is kept up to here; older ones are read again by scrolling.
const NEWS_MAX = 5_000;
// A sparse search reads many records for few rows: how many pages are read before one asks for more.
const PAGES_AT_FIRST = 5;
const EXPORT_PAGE = 1_000;
export const EXPORT_MAX = 50_000;

/** What is searched for, by the names of the address. */
export const FIELDS = ['device', 'kind', 'effect', 'action', 'policy', 'reason', 'from', 'bundle', 'since', 'until', 'shadow'] as const;
export type Field = (typeof FIELDS)[number];
export type Wanted = Record<Field, string>;

const KINDS = ['connect', 'refuse', 'cut', 'disconnect', 'register', 'shadow', 'outside'] as const;

/** Return what an address asks for. */
export function wantedIn(parameters: URLSearchParams): Wanted {
  return Object.fromEntries(FIELDS.map((name) => [name, parameters.get(name) ?? ''])) as Wanted;
}

/** Return the parameters of the request. */
export function searchOf(wanted: Wanted): Search {
  const kind = KINDS.find((each) => each === wanted.kind);
  return {
    device_id: wanted.device || undefined,
    kind: kind && [kind],
    effect: wanted.effect === 'allow' || wanted.effect === 'deny' ? wanted.effect : undefined,
    action: wanted.action || undefined,
    policy: wanted.policy || undefined,
    reason: wanted.reason || undefined,
    remote_address: wanted.from || undefined,
    bundle: wanted.bundle || undefined,
    since: wanted.since || undefined,
    until: wanted.until || undefined,
    shadow: wanted.shadow === '1' || undefined,
  };
}

/** Return the options of the command that lists the same. */
export function optionsOf(wanted: Wanted): string[] {
  const named: [Field, string][] = [
    ['device', '--device'],
    ['kind', '--kind'],
    ['effect', '--effect'],
    ['action', '--action'],
    ['policy', '--policy'],
    ['reason', '--reason'],
    ['from', '--address'],
    ['bundle', '--bundle'],
    ['since', '--since'],
    ['until', '--until'],
  ];
  const given = named.flatMap(([name, option]) => (wanted[name] ? [option, wanted[name]] : []));
  return wanted.shadow === '1' ? [...given, '--shadow'] : given;
}

function read(search: Search, after: string, limit: number) {
  return take(api.GET('/v1/decisions', { params: { query: { ...search, limit, after } } }));
}

/** Follow the log; while it is held, what comes is counted and not shown. */
export function useLog(wanted: Wanted, isHeld: boolean) {
  const search = searchOf(wanted);
  const key = JSON.stringify(search);
  const list = useInfiniteQuery({
    queryKey: ['decision-log', key],
    initialPageParam: '',
    queryFn: ({ pageParam }) => read(search, pageParam, PAGE),
    getNextPageParam: (page) => page.next || undefined,
    staleTime: 'static',
    retry: false,
  });
  const base = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const [news, setNews] = useState<{ key: string; items: readonly Decision[] }>({ key, items: [] });
  const [mostPages, setMostPages] = useState(PAGES_AT_FIRST);
  const isTailed = list.isSuccess && !wanted.until;
  const tail = useQuery({
    queryKey: ['decision-tail', key],
    queryFn: () => read(search, '', PAGE),
    enabled: isTailed,
    refetchInterval: TAIL_MS,
    staleTime: 0,
  });
  const shown = useMemo(() => withNews(news.key === key ? news.items : [], base), [news, key, base]);
  const newest = shown[0] ? sequenceOf(shown[0]) : -1;
  const coming = useMemo(() => (tail.data?.items ?? []).filter((each) => sequenceOf(each) > newest), [tail.data, newest]);
  const { refetch } = list;
  useEffect(() => {
    if (isHeld || coming.length === 0 || !list.isSuccess) return;
    // More came than one look tells of: begin anew, so that none is left out.
    if (coming.length >= PAGE && newest >= 0) void refetch();
    else setNews((before) => ({ key, items: withNews(coming, before.key === key ? before.items : []).slice(0, NEWS_MAX) }));
  }, [coming, isHeld, key, newest, refetch, list.isSuccess]);
  const pages = list.data?.pages.length ?? 0;
  return {
    items: shown,
    waiting: isHeld ? coming.length : 0,
    isLive: isTailed,
    error: list.error ?? tail.error,
    isLoading: list.isFetching,
    isFirst: list.isPending,
    hasMore: list.hasNextPage && pages < mostPages,
    hasBeyond: list.hasNextPage && pages >= mostPages,
    onMore: () => void list.fetchNextPage(),
    lookBeyond: () => {
      setMostPages(pages + PAGES_AT_FIRST);
      void list.fetchNextPage();
    },
  };
}

/** Read all that is searched for, newest first, up to a limit; tells how many there are so far. */
export async function readAll(wanted: Wanted, onCount: (count: number) => void, signal: AbortSignal): Promise<Decision[]> {
  const found: Decision[] = [];
  let after = '';
  do {
    const page = await read(searchOf(wanted), after, EXPORT_PAGE);
    signal.throwIfAborted();
    found.push(...page.items);
    onCount(found.length);
    after = page.next ?? '';
  } while (after && found.length < EXPORT_MAX);
  return found.slice(0, EXPORT_MAX);
}
