// A list of any length by cursor, of which only a window is kept: a million rows take no more memory than a few thousand.
import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useRef } from 'react';

/** Where a page begins, and how one came there. */
export interface Place {
  after: string;
  /** Rows before it. */
  start: number;
  before: Place | null;
}

interface Part<T> {
  items: T[];
  next: string | null;
  place: Place;
}

const KEPT = 25;
const NEAR = 400;
const FIRST: Place = { after: '', start: 0, before: null };

/** Return the page that holds a row, among a place and those before it. */
export function placeOf(place: Place, row: number): Place {
  let found = place;
  while (found.start > row && found.before) found = found.before;
  return found;
}

/** Read pages as they are asked for. */
export function useLongList<T>(
  key: readonly unknown[],
  read: (after: string) => Promise<{ items: T[]; next?: string | null }>,
) {
  const queries = useQueryClient();
  const load = async (place: Place): Promise<Part<T>> => {
    const { items, next } = await read(place.after);
    return { items, next: next || null, place };
  };
  const list = useInfiniteQuery({
    queryKey: key,
    initialPageParam: FIRST,
    queryFn: ({ pageParam }) => load(pageParam),
    getNextPageParam: ({ items, next, place }): Place | undefined =>
      next ? { after: next, start: place.start + items.length, before: place } : undefined,
    getPreviousPageParam: ({ place }) => place.before ?? undefined,
    maxPages: KEPT,
    structuralSharing: false,
  });
  const { data, fetchNextPage, fetchPreviousPage } = list;
  const items = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const from = data?.pages[0]?.place;
  const onMore = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  const isJumping = useRef(false);
  const onBefore = (row: number) => {
    if (!from || isJumping.current) return;
    if (row > from.start - NEAR) {
      void fetchPreviousPage();
      return;
    }
    // Far away: what lies between is not read.
    const pageParam = placeOf(from, row);
    isJumping.current = true;
    load(pageParam)
      .then((page) =>
        queries.setQueryData<InfiniteData<Part<T>, Place>>(key, { pages: [page], pageParams: [pageParam] }),
      )
      .catch(() => undefined) // the next movement asks again
      .finally(() => {
        isJumping.current = false;
      });
  };
  return {
    items,
    offset: from?.start ?? 0,
    hasMore: list.hasNextPage,
    isLoading: list.isFetching,
    /** Nothing was read yet. */
    isFirst: list.isPending,
    error: list.error,
    onMore,
    onBefore,
  };
}
