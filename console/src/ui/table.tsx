// A list of any length: pages come by cursor as one scrolls, only what is seen is drawn, j and k move, Enter opens.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { usePreferences } from '../app/preferences';
import { Empty } from './ui';

export interface Column<T> {
  title: string;
  /** A CSS grid width, such as `minmax(160px, 2fr)`. */
  width: string;
  cell: (item: T) => ReactNode;
}

export interface TableProps<T> {
  label: string;
  columns: Column<T>[];
  items: T[];
  /** Rows before the first of `items` that were there and are no longer kept. */
  offset?: number;
  keyOf: (item: T) => string;
  hasMore?: boolean;
  isLoading?: boolean;
  onMore?: () => void;
  /** Called when a row is wanted that stands before the first of `items`. */
  onBefore?: (index: number) => void;
  onOpen?: (item: T) => void;
  /** Called when a row becomes the current one, by click or by key. */
  onCurrent?: (item: T) => void;
  /** The current row where its owner says which it is, by its key. */
  current?: string;
  selected?: ReadonlySet<string>;
  onSelect?: (key: string, isSelected: boolean) => void;
  /** Called to select all rows that are loaded, or none. */
  onSelectAll?: (isSelected: boolean) => void;
  empty: ReactNode;
}

const AHEAD = 20;

function rowHeight(): number {
  return Number.parseInt(getComputedStyle(document.documentElement).getPropertyValue('--row'), 10) || 40;
}

/** Return where a row stands among the items: where it was, or wherever it has moved to; where it was if it is gone. */
function placeOf<T>(items: T[], keyOf: (item: T) => string, key: string, before: number): number {
  const there = items[before];
  if (there && keyOf(there) === key) return before;
  const moved = key ? items.findIndex((item) => keyOf(item) === key) : -1;
  return moved >= 0 ? moved : Math.max(0, Math.min(before, items.length - 1));
}

export function Table<T>(props: TableProps<T>) {
  const { label, columns, items, offset = 0, keyOf, hasMore = false, isLoading = false } = props;
  const { onMore, onBefore, onOpen, selected, onSelect } = props;
  const total = offset + items.length;
  const frame = useRef<HTMLDivElement>(null);
  const { density } = usePreferences();
  // The current row is kept by its key: it stays the same when others come before it.
  const [at, setAt] = useState({ key: props.current ?? '', index: 0 });
  const wanted = props.current ?? at.key;
  const current = useMemo(
    () => offset + placeOf(items, keyOf, wanted, at.index - offset),
    [items, offset, keyOf, wanted, at.index],
  );
  const virtual = useVirtualizer({
    count: total,
    getScrollElement: () => frame.current,
    estimateSize: rowHeight,
    overscan: 12,
  });
  useEffect(() => virtual.measure(), [virtual, density]);
  const rows = virtual.getVirtualItems();
  const first = rows[0]?.index ?? 0;
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (isLoading) return;
    if (offset > 0 && first < offset + AHEAD) onBefore?.(first);
    else if (hasMore && last >= total - AHEAD) onMore?.();
  }, [hasMore, isLoading, first, last, offset, total, onMore, onBefore]);

  const choose = (index: number) => {
    const item = items[index - offset];
    if (!item) return;
    setAt({ key: keyOf(item), index });
    props.onCurrent?.(item);
  };
  const move = (to: number) => {
    const index = Math.max(0, Math.min(total - 1, to));
    choose(index);
    virtual.scrollToIndex(index);
  };
  const onKey = (event: KeyboardEvent) => {
    // A checkbox or link in a row keeps its own keys; j, k and x work from there too.
    if (event.target !== frame.current) {
      if (!['j', 'k', 'x'].includes(event.key)) return;
      frame.current?.focus();
    }
    const item = items[current - offset];
    if (event.key === 'j' || event.key === 'ArrowDown') move(current + 1);
    else if (event.key === 'k' || event.key === 'ArrowUp') move(current - 1);
    else if (event.key === 'Home') move(0);
    else if (event.key === 'End') move(total - 1);
    else if (event.key === 'PageDown') move(current + 15);
    else if (event.key === 'PageUp') move(current - 15);
    else if (event.key === 'Enter' && item && onOpen) onOpen(item);
    else if ((event.key === ' ' || event.key === 'x') && item && onSelect)
      onSelect(keyOf(item), !selected?.has(keyOf(item)));
    else return;
    event.preventDefault();
  };
  const isSome = selected !== undefined && selected.size > 0;
  const isAll = isSome && items.length > 0 && selected.size >= items.length;
  const template = [onSelect ? '24px' : '', ...columns.map((column) => column.width)].join(' ');
  const activeId = `${label}-current`.replaceAll(' ', '-');
  const isDrawn = rows.some((row) => row.index === current);

  return (
    <div
      ref={frame}
      className="table"
      role="grid"
      aria-label={label}
      aria-rowcount={hasMore ? -1 : total + 1}
      aria-colcount={columns.length + (onSelect ? 1 : 0)}
      aria-multiselectable={onSelect ? true : undefined}
      aria-busy={isLoading}
      aria-activedescendant={isDrawn ? activeId : undefined}
      tabIndex={0}
      onKeyDown={onKey}
    >
      <div className="head" role="row" style={{ gridTemplateColumns: template }}>
        {onSelect && (
          <span role="columnheader">
            {props.onSelectAll ? (
              <input
                type="checkbox"
                aria-label="Select all shown"
                checked={isAll}
                ref={(box) => {
                  if (box) box.indeterminate = !isAll && isSome;
                }}
                disabled={items.length === 0}
                onChange={() => props.onSelectAll?.(!isAll)}
              />
            ) : (
              <span className="visually-hidden">Selected</span>
            )}
          </span>
        )}
        {columns.map((column) => (
          <span role="columnheader" key={column.title}>
            {column.title}
          </span>
        ))}
      </div>
      {items.length === 0 && (
        <div role="row">
          <div role="gridcell">
            <Empty>{isLoading ? 'Loading…' : props.empty}</Empty>
          </div>
        </div>
      )}
      {/* Spacers carry the height of what is not drawn. */}
      <div style={{ height: rows[0]?.start ?? 0 }} role="presentation" />
      {rows.map((row) => {
        const item = items[row.index - offset];
        if (item === undefined) return <div key={`before ${row.index}`} className="row" role="presentation" />;
        const key = keyOf(item);
        return (
          <div
            key={key}
            id={row.index === current ? activeId : undefined}
            role="row"
            aria-rowindex={row.index + 2}
            aria-selected={onSelect ? selected?.has(key) === true : undefined}
            className={row.index === current ? 'row current' : 'row'}
            style={{ gridTemplateColumns: template }}
            onClick={() => choose(row.index)}
            onDoubleClick={() => onOpen?.(item)}
          >
            {onSelect && (
              <span role="gridcell">
                <input
                  type="checkbox"
                  tabIndex={-1}
                  aria-label={`Select ${key}`}
                  checked={selected?.has(key) === true}
                  onChange={(event) => onSelect(key, event.target.checked)}
                />
              </span>
            )}
            {columns.map((column) => (
              <span role="gridcell" className="cell" key={column.title}>
                {column.cell(item)}
              </span>
            ))}
          </div>
        );
      })}
      <div style={{ height: Math.max(0, virtual.getTotalSize() - (rows.at(-1)?.end ?? 0)) }} role="presentation" />
    </div>
  );
}
