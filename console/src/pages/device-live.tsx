// What the device sends, as it sends it: a chart of every number in it, and the messages themselves.
import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { api, type Schemas, take } from '../api/client';
import { serverNow } from '../api/server-clock';
import { type StreamEvent, useStream } from '../api/stream';
import { useSight } from '../app/sight';
import { link } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { clockTime, visible } from '../ui/text';
import { Badge, Button, Card, Empty, Foreign, ProblemNote } from '../ui/ui';
import { Chart } from './device-chart';
import type { Owner } from './device-twin';
import { numbersOf, type Row } from './telemetry-rows';

type Message = Schemas['MessageView'];

const KEPT = 2_000;
const LONG_MS = 600_000;
const SHORT_MS = 4_000;
const PAGE = 1_000;
// The work of one page is bounded: in a busy fleet a rare message is many pages away.
const PAGES_MAX = 30;

interface Start {
  rows: Row[];
  after: string;
}

const AT: Column<Row> = { title: 'At', width: '110px', cell: (row) => <time dateTime={row.message.enqueued_at}>{clockTime(row.at)}</time> };
const MODULE: Column<Row> = { title: 'Module', width: '90px', cell: (row) => <Foreign text={row.message.module_id} /> };
const BODY: Column<Row> = {
  title: 'Body',
  width: 'minmax(260px, 1fr)',
  cell: (row) => <code>{visible(row.message.body.slice(0, 400))}</code>,
};

function toRow(message: Message): Row {
  return { message, at: Date.parse(message.enqueued_at), numbers: message.encoding === 'text' ? numbersOf(message.body) : {} };
}

/**
 * Read what came just before, so that a chart need not begin empty; the stream goes on behind it.
 *
 * Of a device that sends much, the last seconds say enough.
 */
async function recent(device: string): Promise<Start> {
  // Both at once: which of them serves is known when the answers are there.
  const [long, short] = await Promise.all([pages(device, LONG_MS), pages(device, SHORT_MS)]);
  return long ?? short ?? { rows: [], after: '' };
}

/** Read what came within a time; null when it is more than is kept. */
async function pages(device: string, window: number): Promise<Start | null> {
  const begin = serverNow() - window;
  const since = new Date(begin).toISOString();
  const rows: Row[] = [];
  let after = '';
  for (let page = 0; page < PAGES_MAX && rows.length < KEPT; page += 1) {
    const found = await take(api.GET('/v1/telemetry', { params: { query: { device_id: device, limit: PAGE, after, since } } }));
    rows.push(...found.items.map(toRow));
    if (!found.next) return { rows: rows.slice(-KEPT), after: rows.at(-1)?.message.cursor ?? after };
    // A first page that comes nowhere near the end: it will be too much.
    if (rows.length === PAGE && rows.at(-1)!.at - begin < window / 4) return null;
    after = found.next;
  }
  return null;
}

/**
 * Read what a device has sent just before; `null` asks nothing.
 *
 * Its page asks too, so that this need not wait until the device itself is known.
 */
export function useStart(device: string | null) {
  const sight = useSight();
  const start = useQuery({
    queryKey: ['live', device, sight],
    queryFn: () => recent(device ?? ''),
    enabled: sight !== null && device !== null,
    staleTime: 'static',
    gcTime: 0,
  });
  return { start, sight };
}

export function Live({ device, module }: Owner) {
  const { start, sight } = useStart(device);
  const url = start.data && sight !== null ? link('/v1/telemetry/stream', { device_id: device, after: start.data.after }) : null;
  const [came, setCame] = useState<{ url: string | null; rows: Row[] }>({ url: null, rows: [] });
  const [frozen, setFrozen] = useState<Row[] | null>(null);
  const takeBatch = useCallback(
    (batch: StreamEvent[]) => {
      const more = batch.map((event) => toRow(JSON.parse(event.data) as Message));
      setCame((known) => ({ url, rows: [...(known.url === url ? known.rows : []), ...more].slice(-KEPT) }));
    },
    [url],
  );
  const state = useStream(url, takeBatch);
  const rows = useMemo(() => {
    const all = [...(start.data?.rows ?? []), ...(came.url === url ? came.rows : [])];
    return (module ? all.filter((row) => row.message.module_id === module) : all).slice(-KEPT);
  }, [start.data, came, url, module]);
  const shown = frozen ?? rows;
  const newest = useMemo(() => [...shown].reverse(), [shown]);
  const hasModules = !module && shown.some((row) => row.message.module_id);
  return (
    <Card
      title="Live telemetry"
      actions={
        <>
          <Badge tone={frozen ? 'plain' : state === 'live' ? 'good' : 'warn'}>
            {frozen ? 'paused' : state === 'live' ? 'live' : 'connecting'}
          </Badge>
          <Button onPress={() => setFrozen(frozen ? null : rows)}>{frozen ? 'Go on' : 'Pause'}</Button>
          <CopyAs
            way={{
              cli: ['telemetry', 'tail'],
              options: ['--device', device],
              path: link('/v1/telemetry/stream', { device_id: device }),
            }}
          />
        </>
      }
    >
      <ProblemNote error={start.error} />
      {shown.length === 0 ? (
        <Empty>{start.data ? 'Nothing came within ten minutes. Its next message shows up here as it arrives; nothing comes while it is not connected.' : 'Reading what it sent…'}</Empty>
      ) : (
        <>
          <Chart rows={shown} />
          <div className="messages">
            <Table
              label="Messages"
              columns={hasModules ? [AT, MODULE, BODY] : [AT, BODY]}
              items={newest}
              keyOf={(row) => row.message.cursor}
              empty=""
            />
          </div>
        </>
      )}
    </Card>
  );
}
