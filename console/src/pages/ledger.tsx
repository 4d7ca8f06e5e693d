// Everything that was done, by whom and why; newest first, and nothing can be taken out unnoticed.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { api, type Schemas, take } from '../api/client';
import { useStatus } from '../api/queries';
import { inWords } from '../app/strip';
import { useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { actorName, called, prettyJson } from '../ui/text';
import { Badge, Button, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';

type Entry = Schemas['EntryView'];

const PAGE = 200;

const COLUMNS: Column<Entry>[] = [
  { title: 'Entry', width: '56px', cell: (each) => <span className="number">{each.position}</span> },
  { title: 'When', width: '112px', cell: (each) => <Time at={each.at} /> },
  { title: 'Act', width: 'minmax(124px, 3fr)', cell: (each) => inWords(each.action) },
  { title: 'On', width: 'minmax(84px, 2fr)', cell: (each) => <Foreign text={each.target_name || called(each.target)} /> },
  { title: 'By', width: 'minmax(84px, 2fr)', cell: (each) => <Foreign text={actorName(each.actor)} /> },
];

export default function Ledger() {
  const size = useStatus().data?.ledger_size;
  const [parameters, change] = useQueryState();
  const [from, setFrom] = useState<number | null>(null);
  // Entries are read by position, oldest first: pages are cut from the end, so that the newest come first.
  const top = from ?? size;
  const list = useInfiniteQuery({
    queryKey: ['ledger', 'entries', top],
    initialPageParam: top ?? 0,
    queryFn: async ({ pageParam }) => {
      const after = Math.max(0, pageParam - PAGE);
      const page = await take(
        api.GET('/v1/ledger/entries', { params: { query: { after: String(after), limit: pageParam - after || 1 } } }),
      );
      return { items: [...page.items].reverse(), next: after };
    },
    getNextPageParam: (page) => page.next || undefined,
    enabled: top !== undefined && top > 0,
    placeholderData: (before) => before,
  });
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const wanted = parameters.get('entry') ?? '';
  const listed = items.find((each) => String(each.position) === wanted);
  // A link may lead to an entry that is far from the newest.
  const linked = useQuery({
    queryKey: ['ledger', 'entry', wanted],
    queryFn: () => take(api.GET('/v1/ledger/entries/{position}', { params: { path: { position: Number(wanted) } } })),
    enabled: /^\d{1,15}$/u.test(wanted) && !listed,
    staleTime: 'static',
  });
  const chosen = listed ?? linked.data ?? items[0];
  const news = from !== null && size !== undefined ? size - from : 0;
  return (
    <Page
      title="Ledger"
      about={size === undefined ? '' : `${size.toLocaleString('en')} entries`}
      actions={<CopyAs way={{ cli: ['ledger', 'list'], path: '/v1/ledger/entries' }} />}
    >
      <ProblemNote error={list.error ?? linked.error} />
      <Verification />
      {news > 0 && (
        <div className="note row-of" role="status">
          {news} new <Button onPress={() => setFrom(null)}>Show them</Button>
        </div>
      )}
      <div className="split">
        <Table
          label="Ledger entries"
          columns={COLUMNS}
          items={items}
          keyOf={(each) => String(each.position)}
          hasMore={list.hasNextPage}
          isLoading={list.isFetching}
          onMore={() => {
            setFrom(top ?? null);
            void list.fetchNextPage();
          }}
          onCurrent={(each) => {
            setFrom(top ?? null);
            change({ entry: String(each.position) });
          }}
          current={chosen && String(chosen.position)}
          empty="Nothing was done yet."
        />
        {chosen && <Detail entry={chosen} />}
      </div>
    </Page>
  );
}

function Detail({ entry }: { entry: Entry }) {
  return (
    <div className="explanation">
      <Card title={`Entry ${entry.position}`} actions={<Badge tone={entry.decision === 'allowed' ? 'good' : 'bad'}>{entry.decision}</Badge>}>
        <dl className="facts">
          <dt>Act</dt>
          <dd>
            <code>{entry.action}</code>
          </dd>
          <dt>On</dt>
          <dd>
            <Foreign text={entry.target_name} /> <Foreign text={entry.target} mono />
          </dd>
          <dt>By</dt>
          <dd>
            {entry.actor.kind} <Foreign text={entry.actor.name || called(entry.actor.id)} />
          </dd>
          <dt>When</dt>
          <dd>
            <time dateTime={entry.at}>{entry.at}</time>
          </dd>
          <dt>Reason</dt>
          <dd>
            <Foreign text={entry.reason} />
          </dd>
        </dl>
        {Object.keys(entry.details).length > 0 && (
          <>
            <h3>Details</h3>
            <pre className="code" tabIndex={0} role="region" aria-label="Details">
              {prettyJson(entry.details)}
            </pre>
          </>
        )}
        <CopyAs
          way={{
            cli: ['ledger', 'show', String(entry.position)],
            path: `/v1/ledger/entries/${entry.position}`,
          }}
        />
      </Card>
    </div>
  );
}

function Verification() {
  const state = useQuery({ queryKey: ['ledger', 'state'], queryFn: () => take(api.GET('/v1/ledger')), refetchInterval: 15_000 });
  if (!state.data) return null;
  return (
    <div className="note good">
      <p>
        Every entry is part of a Merkle tree of {state.data.size.toLocaleString('en')} entries; signed checkpoints are kept outside the
        database. Whoever edits, removes or reorders one entry is found out by:
      </p>
      <pre className="code">vedette ledger verify</pre>
    </div>
  );
}
