// What is known of vulnerabilities: how old it is, what was imported, and imports by file.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useMay } from '../api/people';
import { serverNow } from '../api/server-clock';
import { useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { advisoryParts, base64, type Chosen, feedParts, type Part } from './advisories-pack';
import { feedInWords, isStale, staleAfterDays } from './vulnerabilities-words';
import './zones.css';

type Line = Schemas['AdvisoryView'];
type Refused = Schemas['RefusedFileView'];
type Kind = 'csaf' | 'kev' | 'epss';

const PAGE = 200;
const CHOICES: { kind: Kind; title: string; about: string; accept: string; isMany: boolean }[] = [
  {
    kind: 'csaf',
    title: 'Advisories (CSAF 2.0)',
    about: 'JSON documents, plain or gzip, or zips of them; choose their digests (.sha256) too, and they are checked.',
    accept: '.json,.gz,.zip,.sha256,.sha512',
    isMany: true,
  },
  { kind: 'kev', title: 'Known exploited vulnerabilities', about: 'CISA’s catalog, JSON or CSV, plain or gzip.', accept: '.json,.csv,.gz', isMany: false },
  { kind: 'epss', title: 'Likelihood of exploitation', about: 'FIRST’s scores (EPSS), CSV, plain or gzip.', accept: '.csv,.gz', isMany: false },
];

export default function Advisories() {
  return (
    <Page
      title="Advisories"
      about="Vedette fetches nothing by itself: you decide what it believes"
      actions={
        <>
          <Link className="button" href="/vulnerabilities">
            Vulnerabilities
          </Link>
          <CopyAs way={{ cli: ['advisory', 'list'], path: '/v1/advisories' }} />
        </>
      }
    >
      <div className="columns">
        <Feeds />
        <Import />
      </div>
      <List />
    </Page>
  );
}

function Feeds() {
  const feeds = useQuery({ queryKey: ['vulnerability-feeds'], queryFn: () => take(api.GET('/v1/vulnerability-feeds')) });
  const now = serverNow();
  return (
    <Card title="How old what is known is" actions={<CopyAs way={{ cli: ['advisory', 'feeds'], path: '/v1/vulnerability-feeds' }} />}>
      <ProblemNote error={feeds.error} />
      {feeds.data?.length === 0 && <Empty>Nothing was imported yet.</Empty>}
      <ul className="plain" aria-label="Sources">
        {(feeds.data ?? []).map((each) => (
          <li key={each.name} className="line">
            <span>
              <Foreign text={feedInWords(each.name)} />
              <br />
              <span className="muted">
                {each.count.toLocaleString('en')} entries, data of {each.data_at ? <Time at={each.data_at} /> : 'no told time'}, imported{' '}
                <Time at={each.imported_at} /> by <Foreign text={each.imported_by} />
              </span>
            </span>
            {isStale(each.name, each.data_at, now) ? (
              <Badge tone="warn">older than {staleAfterDays(each.name)} days</Badge>
            ) : (
              <Badge tone="good">fresh</Badge>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

interface Outcome {
  files: number;
  words: string;
  refused: Refused[];
}

function chosenFrom(list: FileList | null): Chosen[] {
  return [...(list ?? [])].map((file) => ({
    name: file.webkitRelativePath || file.name,
    size: file.size,
    bytes: async () => new Uint8Array(await file.arrayBuffer()),
  }));
}

function Import() {
  const may = useMay();
  const queries = useQueryClient();
  const [kind, setKind] = useState<Kind>('csaf');
  const [chosen, setChosen] = useState<Chosen[]>([]);
  const [done, setDone] = useState<number | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [error, setError] = useState<unknown>(null);
  const stop = useRef(false);
  useEffect(
    () => () => {
      stop.current = true;
    },
    [],
  );
  const choice = CHOICES.find((each) => each.kind === kind)!;
  const run = async () => {
    stop.current = false;
    setError(null);
    setOutcome(null);
    setDone(0);
    try {
      setOutcome(kind === 'csaf' ? await importAdvisories(chosen, setDone, stop) : await importFeed(kind, chosen[0]!, setDone, stop));
    } catch (problem) {
      // What the packing finds is said in its own words.
      setError(problem instanceof Error && !('problem' in problem) ? problem.message : problem);
    }
    setDone(null);
    void queries.invalidateQueries();
  };
  const all = chosen.filter((each) => !/\.sha(256|512)$/u.test(each.name)).length;
  return (
    <Card title="Import files">
      <div className="field">
        <label htmlFor="import-kind">What</label>
        <select
          id="import-kind"
          className="input"
          value={kind}
          onChange={(event) => {
            setKind(event.target.value as Kind);
            setChosen([]);
            setOutcome(null);
          }}
        >
          {CHOICES.map((each) => (
            <option key={each.kind} value={each.kind}>
              {each.title}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor="import-files">{choice.about}</label>
        <input
          key={kind}
          id="import-files"
          type="file"
          className="input"
          multiple={choice.isMany}
          accept={choice.accept}
          disabled={done !== null}
          onChange={(event) => {
            setOutcome(null);
            setError(null);
            setChosen(chosenFrom(event.target.files));
          }}
        />
      </div>
      <div className="row-of">
        <Button kind="primary" isDisabled={chosen.length === 0 || done !== null || !may('respond')} onPress={() => void run()}>
          {done === null ? 'Import' : 'Importing…'}
        </Button>
        {done !== null && (
          <Button
            onPress={() => {
              stop.current = true;
            }}
          >
            Stop
          </Button>
        )}
        <span className="muted">
          A document has at most 16 MB, a zip 256 MB, a table 64 MB. Whole folders: <code>vedette advisory import FOLDER</code>.
        </span>
      </div>
      {done !== null && (
        <div className="field">
          <label htmlFor="import-progress">{done.toLocaleString('en')} documents handed over…</label>
          <progress id="import-progress" {...(chosen.some((each) => each.name.endsWith('.zip')) ? {} : { value: done, max: Math.max(1, all) })} />
        </div>
      )}
      <ProblemNote error={error} />
      {outcome && (
        <div className={`note ${outcome.refused.length ? 'warn' : 'good'}`}>
          <p role="status">{outcome.words}</p>
          {outcome.refused.length > 0 && (
            <ul className="plain-list scrolls" aria-label="Files that were not taken" tabIndex={0}>
              {outcome.refused.map((each) => (
                <li key={each.name + each.reason}>
                  <Foreign text={each.name} />: <Foreign text={each.reason} />
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </Card>
  );
}

type Stop = { current: boolean };

async function importAdvisories(chosen: Chosen[], onDone: (files: number) => void, stop: Stop): Promise<Outcome> {
  const totals = { added: 0, updated: 0, unchanged: 0, older: 0 };
  const refused: Refused[] = [];
  let files = 0;
  for await (const part of advisoryParts(chosen)) {
    if (stop.current) break;
    const found = await take(api.POST('/v1/advisories', { body: bodyOf(part) }));
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += found[name];
    refused.push(...found.refused);
    files += part.files;
    onDone(files);
  }
  if (files === 0 && !stop.current) throw new Error('There is no advisory among these files: their names end with .json, .json.gz or .zip.');
  const said = Object.entries(totals).map(([name, count]) => `${count.toLocaleString('en')} ${name}`);
  const end = stop.current ? ' Stopped: import the rest by running it again.' : '';
  const bad = refused.length ? `, ${refused.length.toLocaleString('en')} not taken` : '';
  return { files, refused, words: `${files.toLocaleString('en')} documents: ${said.join(', ')}${bad}.${end}` };
}

async function importFeed(feed: 'kev' | 'epss', file: Chosen, onDone: (files: number) => void, stop: Stop): Promise<Outcome> {
  let parts = 0;
  let count = 0;
  for await (const part of feedParts(feed, file)) {
    if (stop.current) break;
    const found = await take(api.POST('/v1/vulnerability-feeds/{feed}', { params: { path: { feed } }, body: bodyOf(part) }));
    parts += 1;
    count = found.count;
    onDone(parts);
  }
  return { files: parts, refused: [], words: `${count.toLocaleString('en')} entries are known now.${stop.current ? ' Stopped.' : ''}` };
}

function bodyOf(part: Part) {
  return { name: part.name, content: base64(part.bytes), sha256: '' };
}

const COLUMNS: Column<Line>[] = [
  {
    title: 'Advisory',
    width: 'minmax(120px, 1fr)',
    cell: (each) => (
      <Link href={`/advisories/${encodeURIComponent(each.advisory_key)}`} tabIndex={-1}>
        <Foreign text={each.advisory_id} />
      </Link>
    ),
  },
  { title: 'Title', width: 'minmax(160px, 3fr)', cell: (each) => <Foreign text={each.title} /> },
  { title: 'Publisher', width: 'minmax(90px, 1fr)', cell: (each) => <Foreign text={each.publisher} /> },
  { title: 'Score', width: '52px', cell: (each) => <span className="number">{each.score === null ? '–' : each.score.toFixed(1)}</span> },
  { title: 'Released', width: '110px', cell: (each) => <Time at={each.released_at} /> },
  { title: 'Vulnerabilities', width: '100px', cell: (each) => <span className="number">{each.vulnerabilities}</span> },
];

function List() {
  const [parameters, change] = useQueryState();
  const [, navigate] = useLocation();
  const text = parameters.get('text') ?? '';
  const [draft, setDraft] = useState(text);
  const list = useLongList<Line>(['advisories', text], (after) =>
    take(api.GET('/v1/advisories', { params: { query: { limit: PAGE, after, text } } })),
  );
  return (
    <>
      <form
        className="row-of"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          change({ text: draft.trim() }, true);
        }}
      >
        <input className="input" aria-label="Id, title or maker" placeholder="Id, title or maker" maxLength={128} value={draft} onChange={(event) => setDraft(event.target.value)} />
        <button className="button" type="submit">
          Search
        </button>
      </form>
      <ProblemNote error={list.error} />
      <Table
        label="Advisories"
        columns={COLUMNS}
        items={list.items}
        offset={list.offset}
        keyOf={(each) => each.advisory_key}
        hasMore={list.hasMore}
        isLoading={list.isLoading}
        onMore={list.onMore}
        onBefore={list.onBefore}
        onOpen={(each) => navigate(`/advisories/${encodeURIComponent(each.advisory_key)}`)}
        empty={text ? 'No advisory fits.' : 'No advisory was imported. Makers and coordinators publish them as CSAF; CISA keeps a repository of OT advisories.'}
      />
    </>
  );
}
