// What the device sends, as it sends it: a chart of every number in it, and the messages themselves.
import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { api, type Schemas, take as taken } from '../api/client';
import { type StreamEvent, useStream } from '../api/stream';
import { usePreferences } from '../app/preferences';
import { link } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { visible } from '../ui/text';
import { Badge, Button, Card, Empty, Foreign } from '../ui/ui';
import { join, KEPT, RECENT } from './messages';

type Message = Schemas['MessageView'];

const RECENT_MS = 600_000;
const SERIES_MAX = 8;

const COLUMNS: Column<Message>[] = [
  { title: 'At', width: '110px', cell: (each) => <time dateTime={each.enqueued_at}>{each.enqueued_at.slice(11, 23)}</time> },
  { title: 'Module', width: '90px', cell: (each) => <Foreign text={each.module_id} /> },
  { title: 'Body', width: 'minmax(260px, 1fr)', cell: (each) => <code>{visible(each.body.slice(0, 400))}</code> },
];

/** Return every number of a JSON body by its path; other bodies have none. */
export function numbersOf(body: string): Record<string, number> {
  const found: Record<string, number> = {};
  const visit = (value: unknown, path: string, depth: number) => {
    if (typeof value === 'number' && Number.isFinite(value)) found[path || 'value'] = value;
    else if (typeof value === 'object' && value !== null && !Array.isArray(value) && depth < 4)
      for (const [key, inner] of Object.entries(value)) visit(inner, path ? `${path}.${key}` : key, depth + 1);
  };
  try {
    visit(JSON.parse(body), '', 0);
  } catch {
    return {};
  }
  return found;
}

export function Live({ device }: { device: string }) {
  const [messages, setMessages] = useState<Message[]>([]);
  const [isPaused, setPaused] = useState(false);
  const take = useCallback((batch: StreamEvent[]) => {
    setMessages((before) => {
      const more = batch.map((event) => JSON.parse(event.data) as Message);
      return [...before, ...more].slice(-KEPT);
    });
  }, []);
  const url = isPaused ? null : link('/v1/telemetry/stream', { device_id: device });
  const state = useStream(url, take);
  const recent = useQuery({
    queryKey: ['recent-telemetry', device],
    queryFn: () =>
      taken(
        api.GET('/v1/telemetry', {
          params: { query: { device_id: device, since: new Date(Date.now() - RECENT_MS).toISOString(), limit: RECENT } },
        }),
      ),
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  });
  const shown = useMemo(() => join(recent.data?.items ?? [], messages), [recent.data, messages]);
  const newest = useMemo(() => [...shown].reverse(), [shown]);
  return (
    <Card
      title="Live telemetry"
      actions={
        <>
          <Badge tone={isPaused ? 'plain' : state === 'live' ? 'good' : 'warn'}>
            {isPaused ? 'paused' : state === 'live' ? 'live' : 'connecting'}
          </Badge>
          <Button onPress={() => setPaused(!isPaused)}>{isPaused ? 'Go on' : 'Pause'}</Button>
          <CopyAs
            way={{ cli: ['telemetry', 'tail', '--device', device], path: link('/v1/telemetry/stream', { device_id: device }) }}
          />
        </>
      }
    >
      {shown.length === 0 ? (
        <Empty>Nothing came within ten minutes. Its next message shows up here as it arrives; nothing comes while it is not connected.</Empty>
      ) : (
        <>
          <Chart messages={shown} />
          <div className="messages">
            <Table label="Messages" columns={COLUMNS} items={newest} keyOf={(each) => each.cursor} empty="" />
          </div>
        </>
      )}
    </Card>
  );
}

function Chart({ messages }: { messages: Message[] }) {
  const place = useRef<HTMLDivElement>(null);
  const { theme } = usePreferences();
  const { data, names } = useMemo(() => toSeries(messages), [messages]);
  const plot = useRef<uPlot | null>(null);
  const shape = names.join('\n');
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue('--ink-soft');
    const line = style.getPropertyValue('--line');
    const colours = ['--accent', '--info', '--warn', '--bad', '--good', '--ink', '--ink-soft', '--line-strong'];
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
    plot.current = new uPlot(
      {
        width: element.clientWidth,
        height: 220,
        series: [
          {},
          ...shape.split('\n').map((label, index) => ({
            label: visible(label),
            stroke: style.getPropertyValue(colours[index % colours.length]!),
            width: 1.5,
            spanGaps: true,
          })),
        ],
        axes: [axis, axis],
        cursor: { drag: { x: true, y: false } },
      },
      [[], ...shape.split('\n').map(() => [])] as uPlot.AlignedData,
      element,
    );
    const watcher = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: 220 }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, theme]);
  useEffect(() => plot.current?.setData(data), [data, shape, theme]);
  if (names.length === 0) return <p className="muted">Its messages hold no numbers to draw.</p>;
  return <div ref={place} role="img" aria-label={`Chart of ${names.map(visible).join(', ')}; the same values stand in the table below`} />;
}

function toSeries(messages: Message[]): { data: uPlot.AlignedData; names: string[] } {
  const rows = messages.map((each) => ({ at: Date.parse(each.enqueued_at) / 1000, values: numbersOf(each.body) }));
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.values)))].filter((name) => name !== 'count').slice(0, SERIES_MAX);
  const data = [rows.map((row) => row.at), ...names.map((name) => rows.map((row) => row.values[name] ?? null))];
  return { data: data as uPlot.AlignedData, names };
}
