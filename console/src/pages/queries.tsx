// Ask the fleet in the hub's query language.
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Form, Label, TextArea, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { link, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { csvCell, visible } from '../ui/text';
import { Button, Card, Page, ProblemNote } from '../ui/ui';

type Row = Record<string, unknown>;

const EXAMPLES = [
  'SELECT * FROM devices',
  'SELECT COUNT() AS devices, site FROM devices GROUP BY site',
  "SELECT deviceId, properties.reported.firmware.version FROM devices WHERE connectionState = 'Connected'",
  "SELECT deviceId, moduleId, connectionState FROM devices.modules",
];
const PAGE = 100;

export default function Queries() {
  const [parameters, change] = useQueryState();
  const asked = parameters.get('q') ?? '';
  const [text, setText] = useState(asked || EXAMPLES[0]!);
  const answer = useInfiniteQuery({
    queryKey: ['query page', asked],
    initialPageParam: '',
    queryFn: ({ pageParam }) => take(api.POST('/v1/query', { body: { query: asked, limit: PAGE, after: pageParam } })),
    getNextPageParam: (page) => page.next || undefined,
    enabled: asked !== '',
    structuralSharing: false,
  });
  const rows = useMemo(() => (answer.data?.pages.flatMap((page) => page.items) ?? []) as Row[], [answer.data]);
  const names = useMemo(() => [...new Set(rows.slice(0, 200).flatMap((row) => Object.keys(row)))], [rows]);
  const columns: Column<Row>[] = names.map((name) => ({
    title: visible(name),
    width: 'minmax(140px, 1fr)',
    cell: (row) => <Cell row={row} name={name} />,
  }));
  return (
    <Page
      title="Queries"
      about={asked && answer.data ? `${rows.length}${answer.hasNextPage ? '+' : ''} rows` : ''}
      actions={
        <>
          <Button isDisabled={rows.length === 0} onPress={() => download(names, rows)}>
            CSV of what is loaded
          </Button>
          <CopyAs way={{ cli: ['query'], names: [asked || text], method: 'POST', path: '/v1/query', body: { query: asked || text } }} />
        </>
      }
    >
      <Form
        onSubmit={(event) => {
          event.preventDefault();
          change({ q: text }, true);
        }}
      >
        <TextField className="field" value={text} onChange={setText}>
          <Label>Query</Label>
          <TextArea
            className="input"
            rows={3}
            spellCheck={false}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) change({ q: text }, true);
            }}
          />
        </TextField>
        <div className="row-of">
          <Button type="submit" kind="primary">
            Ask
          </Button>
          <span className="muted">or Ctrl Enter</span>
        </div>
      </Form>
      <ProblemNote error={answer.error} />
      {!asked && (
        <Card title="For example">
          <ul className="plain">
            {EXAMPLES.map((example) => (
              <li key={example}>
                <Button
                  kind="quiet"
                  onPress={() => {
                    setText(example);
                    change({ q: example }, true);
                  }}
                >
                  <code>{example}</code>
                </Button>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {asked && !answer.error && (
        <Table
          label="Answer"
          columns={columns}
          items={rows}
          keyOf={keyOf}
          hasMore={answer.hasNextPage}
          isLoading={answer.isFetching}
          onMore={() => void answer.fetchNextPage()}
          empty="Nothing matches."
        />
      )}
    </Page>
  );
}

// Rows of an answer have no names of their own, and two may be alike.
const keys = new WeakMap<Row, string>();
let made = 0;

function keyOf(row: Row): string {
  const known = keys.get(row) ?? String((made += 1));
  keys.set(row, known);
  return known;
}

function Cell({ row, name }: { row: Row; name: string }) {
  const text = visible(inText(row[name]));
  if (name === 'deviceId' && typeof row.deviceId === 'string')
    return (
      <Link href={link(`/devices/${encodeURIComponent(row.deviceId)}`, { module: inText(row.moduleId) })} tabIndex={-1}>
        {text}
      </Link>
    );
  return <span title={text.length > 20 ? text.slice(0, 2_000) : undefined}>{text}</span>;
}

function inText(value: unknown): string {
  return value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

function download(names: string[], rows: Row[]): void {
  const text = [names, ...rows.map((row) => names.map((name) => inText(row[name])))]
    .map((row) => row.map((cell) => csvCell(visible(cell))).join(','))
    .join('\r\n');
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = 'query.csv';
  anchor.click();
  URL.revokeObjectURL(url);
}
