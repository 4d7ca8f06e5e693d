// Captures: uploaded here, analyzed by the platform, told of in a report.
import { useQueryClient } from '@tanstack/react-query';
import { type DragEvent, useEffect, useRef, useState } from 'react';
import { Checkbox } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { begin, type Capture, send } from '../api/capture-upload';
import { api, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useMay } from '../api/people';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Card, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { isOpen, percent, size, STATES } from './captures-words';
import './captures.css';

const PAGE = 100;
const LOOK_MS = 1_000;

const COLUMNS: Column<Capture>[] = [
  {
    title: 'Capture',
    width: 'minmax(160px, 3fr)',
    cell: (capture) => (
      <Link href={`/captures/${encodeURIComponent(capture.capture_id)}`} tabIndex={-1}>
        <Foreign text={capture.name} />
      </Link>
    ),
  },
  {
    title: 'State',
    width: 'minmax(150px, 1.5fr)',
    cell: (capture) => (
      <span className="row-of">
        <Badge tone={STATES[capture.state].tone}>{STATES[capture.state].words}</Badge>
        {(capture.state === 'receiving' || capture.state === 'analyzing') && <span className="muted">{percent(capture)} %</span>}
      </span>
    ),
  },
  { title: 'Size', width: '88px', cell: (capture) => size(capture.size_bytes) },
  { title: 'Packets', width: '88px', cell: (capture) => capture.packets.toLocaleString('en') },
  { title: 'Found', width: 'minmax(150px, 2fr)', cell: (capture) => <Found capture={capture} /> },
  { title: 'By', width: 'minmax(90px, 1fr)', cell: (capture) => <Foreign text={capture.author} /> },
  { title: 'Begun', width: '112px', cell: (capture) => <Time at={capture.created_at} /> },
];

function Found({ capture }: { capture: Capture }) {
  const counts = (capture.summary.counts ?? {}) as Record<string, number>;
  if (capture.state === 'failed') return <Foreign text={capture.cause} />;
  if (counts.assets === undefined) return <span className="muted">–</span>;
  return (
    <span className="row-of">
      {counts.assets.toLocaleString('en')} assets
      {Boolean(counts.alerts) && <Badge tone="warn">{counts.alerts!.toLocaleString('en')} alerts</Badge>}
    </span>
  );
}

export default function Captures() {
  const [, navigate] = useLocation();
  const queries = useQueryClient();
  const { items, error, ...place } = useLongList(['captures'], (after) =>
    take(api.GET('/v1/captures', { params: { query: { limit: PAGE, after } } })),
  );
  const isBusy = items.some(isOpen);
  useEffect(() => {
    if (!isBusy) return;
    const timer = setInterval(() => void queries.invalidateQueries({ queryKey: ['captures'] }), LOOK_MS);
    return () => clearInterval(timer);
  }, [isBusy, queries]);
  return (
    <Page
      title="Captures"
      about="Packets that somebody recorded, analyzed as a sensor would"
      actions={<CopyAs way={{ cli: ['capture', 'list'], path: '/v1/captures' }} />}
    >
      <Upload onChanged={() => void queries.invalidateQueries({ queryKey: ['captures'] })} />
      <ProblemNote error={error} />
      <Table
        label="Captures"
        columns={COLUMNS}
        items={items}
        keyOf={(capture) => capture.capture_id}
        onOpen={(capture) => navigate(`/captures/${encodeURIComponent(capture.capture_id)}`)}
        empty="No capture was uploaded yet. Choose one above: pcap or pcapng, as tcpdump and Wireshark write them, also with gzip."
        {...place}
      />
    </Page>
  );
}

function Upload({ onChanged }: { onChanged: () => void }) {
  const may = useMay();
  const [, navigate] = useLocation();
  const [file, setFile] = useState<File | null>(null);
  const [site, setSite] = useState('');
  const [isTakenIn, setTakenIn] = useState(false);
  const [isKept, setKept] = useState(false);
  const [under, setUnder] = useState<Capture | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isOver, setOver] = useState(false);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const choose = (files: FileList | null) => {
    setError(null);
    if (files?.[0]) setFile(files[0]);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (!under) choose(event.dataTransfer.files);
  };
  const run = async () => {
    if (!file) return;
    const controller = new AbortController();
    stop.current = controller;
    setError(null);
    try {
      const begun = await begin(file, { site: site.trim(), is_taken_in: isTakenIn, is_kept: isKept });
      setUnder(begun);
      onChanged();
      const sent = await send(file, begun, setUnder, controller.signal);
      if (sent.state !== 'receiving') navigate(`/captures/${encodeURIComponent(sent.capture_id)}`);
    } catch (problem) {
      setError(problem);
    }
    setUnder(null);
    onChanged();
  };
  return (
    <Card title="Upload a capture">
      <div
        className={isOver ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <label htmlFor="capture-file">Drop a file here, or choose one: pcap or pcapng, also with gzip</label>
        <input id="capture-file" type="file" className="input" accept=".pcap,.pcapng,.cap,.gz" disabled={under !== null} onChange={(event) => choose(event.target.files)} />
        {file && (
          <span>
            <Foreign text={file.name} /> <span className="muted">{size(file.size)}</span>
          </span>
        )}
      </div>
      <div className="row-of filters">
        <label className="field">
          <span className="label">Site, where it was taken</span>
          <input className="input" value={site} maxLength={128} disabled={under !== null} onChange={(event) => setSite(event.target.value)} />
        </label>
        <Checkbox className="check" isSelected={isTakenIn} onChange={setTakenIn} isDisabled={under !== null || !may('enroll')}>
          <span className="box" aria-hidden="true" />Take what it holds into the inventory of the site
        </Checkbox>
        <Checkbox className="check" isSelected={isKept} onChange={setKept} isDisabled={under !== null}>
          <span className="box" aria-hidden="true" />Keep the file afterwards
        </Checkbox>
      </div>
      <p className="muted">
        {isTakenIn
          ? 'Its assets, links and alerts will stand in the inventory, as if a sensor had seen them now.'
          : 'The report changes nothing in the inventory.'}{' '}
        {isKept ? 'The file stays as long as its report; it may hold passwords and what controllers hold.' : 'The file is deleted once it was read.'}
      </p>
      <div className="row-of">
        <Button kind="primary" isDisabled={!file || under !== null || (isTakenIn && !site.trim()) || !may('analyzeCaptures')} onPress={() => void run()}>
          {under ? 'Uploading…' : 'Upload and analyze'}
        </Button>
        {under && <Button onPress={() => stop.current?.abort()}>Pause</Button>}
        {isTakenIn && !site.trim() && <span className="muted">Name the site first.</span>}
      </div>
      {under && (
        <div className="field">
          <label htmlFor="upload-progress">
            {percent(under)} % of {size(under.size_bytes)} uploaded
          </label>
          <progress id="upload-progress" max={100} value={percent(under)} />
        </div>
      )}
      <ProblemNote error={error} />
    </Card>
  );
}
