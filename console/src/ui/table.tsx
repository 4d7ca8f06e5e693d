// A list of any length: pages come by cursor as one scrolls, only what is seen is drawn, j and k move, Enter opens.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react';
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
  keyOf: (item: T) => string;
  hasMore?: boolean;
  isLoading?: boolean;
  onMore?: () => void;
  onOpen?: (item: T) => void;
  /** Called when a row becomes the current one, by click or by key. */
  onCurrent?: (item: T) => void;
  selected?: ReadonlySet<string>;
  onSelect?: (key: string, isSelected: boolean) => void;
  empty: ReactNode;
}

const AHEAD = 20;

function rowHeight(): number {
  return Number.parseInt(getComputedStyle(document.documentElement).getPropertyValue('--row'), 10) || 40;
}

export function Table<T>(props: TableProps<T>) {
  const { label, columns, items, keyOf, hasMore = false, isLoading = false, onMore, onOpen, selected, onSelect } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState(0);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => frame.current,
    estimateSize: rowHeight,
    overscan: 12,
  });
  const rows = virtual.getVirtualItems();
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !isLoading && last >= items.length - AHEAD) onMore?.();
  }, [hasMore, isLoading, last, items.length, onMore]);

  const move = (to: number) => {
    const index = Math.max(0, Math.min(items.length - 1, to));
    setCurrent(index);
    virtual.scrollToIndex(index);
    const item = items[index];
    if (item) props.onCurrent?.(item);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== frame.current) return;
    const item = items[current];
    if (event.key === 'j' || event.key === 'ArrowDown') move(current + 1);
    else if (event.key === 'k' || event.key === 'ArrowUp') move(current - 1);
    else if (event.key === 'Home') move(0);
    else if (event.key === 'End') move(items.length - 1);
    else if (event.key === 'PageDown') move(current + 15);
    else if (event.key === 'PageUp') move(current - 15);
    else if (event.key === 'Enter' && item && onOpen) onOpen(item);
    else if ((event.key === ' ' || event.key === 'x') && item && onSelect)
      onSelect(keyOf(item), !selected?.has(keyOf(item)));
    else return;
    event.preventDefault();
  };
  const template = [onSelect ? '24px' : '', ...columns.map((column) => column.width)].join(' ');
  const activeId = items.length ? `${label}-${current}`.replaceAll(' ', '-') : undefined;

  return (
    <div
      ref={frame}
      className="table"
      role="grid"
      aria-label={label}
      aria-rowcount={hasMore ? -1 : items.length + 1}
      aria-colcount={columns.length + (onSelect ? 1 : 0)}
      aria-multiselectable={onSelect ? true : undefined}
      aria-busy={isLoading}
      aria-activedescendant={activeId}
      tabIndex={0}
      onKeyDown={onKey}
    >
      <div className="head" role="row" style={{ gridTemplateColumns: template }}>
        {onSelect && (
          <span role="columnheader">
            <span className="visually-hidden">Selected</span>
          </span>
        )}
        {columns.map((column) => (
          <span role="columnheader" key={column.title}>
            {column.title}
          </span>
        ))}
      </div>
      {items.length === 0 && !isLoading && (
        <div role="row">
          <div role="gridcell">
            <Empty>{props.empty}</Empty>
          </div>
        </div>
      )}
      {/* Spacers carry the height of what is not drawn. */}
      <div style={{ height: rows[0]?.start ?? 0 }} role="presentation" />
      {rows.map((row) => {
        const item = items[row.index]!;
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
            onClick={() => {
              setCurrent(row.index);
              props.onCurrent?.(item);
            }}
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
