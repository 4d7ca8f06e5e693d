// The report of a capture: its sections, each with a filter and a file.
import { useQuery } from '@tanstack/react-query';
import { ToggleButton } from 'react-aria-components';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { link } from '../app/url';
import { type Column, Table } from '../ui/table';
import { Badge, Foreign, ProblemNote } from '../ui/ui';
import {
  best,
  type Capture,
  count,
  missed,
  type Report,
  rowsWith,
  type Section,
  SECTIONS,
  type SeenAlert,
  type SeenAsset,
  type SeenLink,
  type SeenVulnerability,
  severityTone,
  size,
  TITLES,
} from './captures-words';
import { Kind, Search } from './network-parts';

const number = (value: number) => value.toLocaleString('en');
const words = (value: string) => <Foreign text={value} />;
const mono = (value: string) => <Foreign text={value} mono />;

export function CaptureReport({ capture, parameters, change }: {
  capture: Capture;
  parameters: URLSearchParams;
  change: (changes: Record<string, string>) => void;
}) {
  const id = capture.capture_id;
  const found = useQuery({
    queryKey: ['capture-report', id],
    queryFn: async () =>
      (await take(api.GET('/v1/captures/{capture_id}/report', { params: { path: { capture_id: id } } }))) as unknown as Report,
    staleTime: Infinity,
    structuralSharing: false,
  });
  if (!found.data) return found.error ? <ProblemNote error={found.error} /> : <p className="muted">Reading the report…</p>;
  const report = found.data;
  const asked = parameters.get('section');
  const section = SECTIONS.find((each) => each === asked) ?? SECTIONS.find((each) => report[each].length > 0) ?? 'assets';
  const text = parameters.get('text') ?? '';
  const not = missed(report);
  return (
    <>
      <section aria-label="What it holds">
        <p>
          {number(report.capture.packets)} packets, {size(report.capture.bytes)} on the wire, from {report.capture.first_at || '–'} to{' '}
          {report.capture.last_at || '–'}.
        </p>
        {report.capture.damage && (
          <p className="note warn">
            The file is damaged; it was read up to there: <Foreign text={report.capture.damage} />
          </p>
        )}
        <p className="muted">
          {not.length === 0 ? 'Everything could be read.' : `Passed over: ${not.map(([reason, times]) => `${reason} ${number(times)}`).join(', ')}.`}
        </p>
      </section>
      <div className="row-of chips" role="group" aria-label="Sections">
        {SECTIONS.map((each) => (
          <ToggleButton key={each} className="chip" isSelected={each === section} onChange={() => change({ section: each, text: '' })}>
            {TITLES[each]} {number(count(report, each))}
          </ToggleButton>
        ))}
      </div>
      <div className="row-of filters">
        <Search value={text} onChange={(value) => change({ text: value })} label={`In ${TITLES[section].toLowerCase()}`} />
        <a className="button" href={link(`/v1/captures/${encodeURIComponent(id)}/report`, { format: 'csv', section })} download={`${id}.${section}.csv`}>
          CSV<span className="visually-hidden"> of {TITLES[section].toLowerCase()}</span>
        </a>
      </div>
      {count(report, section) > report[section].length && (
        <p className="muted">
          The report lists {number(report[section].length)} of {number(count(report, section))}: for all, run <code>vedette sensor read</code> on the file.
        </p>
      )}
      <Rows capture={capture} report={report} section={section} text={text} />
    </>
  );
}

function Rows({ capture, report, section, text }: { capture: Capture; report: Report; section: Section; text: string }) {
  const label = TITLES[section];
  const empty = text ? 'Nothing fits the filter.' : EMPTY[section];
  const common = { label, empty };
  switch (section) {
    case 'alerts':
      return <Table {...common} columns={ALERTS} items={rowsWith(report.alerts, text)} keyOf={(each) => `${each.at} ${each.rule} ${each.source} ${each.target} ${each.title}`} />;
    case 'vulnerabilities':
      return (
        <Table
          {...common}
          empty={report.vulnerabilities_matched.has_advisories ? empty : 'No advisories were imported: see Advisories.'}
          columns={VULNERABILITIES}
          items={rowsWith(report.vulnerabilities, text)}
          keyOf={(each) => `${each.asset} ${each.name}`}
        />
      );
    case 'assets':
      return <Table {...common} columns={assetColumns(capture)} items={rowsWith(report.assets, text)} keyOf={(each) => String(each.number)} />;
    case 'protocols':
      return <Table {...common} columns={PROTOCOLS} items={rowsWith(report.protocols, text)} keyOf={(each) => `${each.transport} ${each.protocol}`} />;
    case 'operations':
      return <Table {...common} columns={OPERATIONS} items={rowsWith(report.operations, text)} keyOf={(each) => `${each.protocol} ${each.kind} ${each.service}`} />;
    case 'anomalies':
      return <Table {...common} columns={ANOMALIES} items={rowsWith(report.anomalies, text)} keyOf={(each) => `${each.protocol} ${each.kind}`} />;
    default:
      return (
        <Table
          {...common}
          columns={LINKS}
          items={rowsWith(report[section], text)}
          keyOf={(each) => `${each.client} ${each.server} ${each.transport} ${each.port} ${each.protocol}`}
        />
      );
  }
}

const EMPTY: Record<Section, string> = {
  alerts: 'No alert was raised: no rule was broken, and a short capture leaves little to learn from.',
  vulnerabilities: 'No advisory that was imported speaks of what is known of these assets.',
  assets: 'Nobody was seen.',
  protocols: 'Nothing was said.',
  operations: 'Nobody asked anybody for anything in a protocol that is read to its operations.',
  external_connections: 'Nothing talked with the outside.',
  links: 'Nobody talked with anybody.',
  anomalies: 'No message broke the rules of its protocol.',
};

const ALERTS: Column<SeenAlert>[] = [
  { title: 'Severity', width: '112px', cell: (each) => <Badge tone={severityTone(each.severity)}>{each.severity}</Badge> },
  { title: 'What happened', width: 'minmax(200px, 4fr)', cell: (each) => words(each.title) },
  { title: 'From', width: 'minmax(110px, 1fr)', cell: (each) => mono(each.source) },
  { title: 'To', width: 'minmax(110px, 1fr)', cell: (each) => mono(each.target) },
  { title: 'Technique', width: '88px', cell: (each) => words(each.technique) },
  { title: 'Evidence', width: 'minmax(120px, 2fr)', cell: (each) => words(Object.entries(each.detail).filter(([, value]) => value !== null && value !== '').map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`).join(', ')) },
  { title: 'Times', width: '64px', cell: (each) => number(each.times) },
];

const VULNERABILITIES: Column<SeenVulnerability>[] = [
  { title: 'Asset', width: 'minmax(110px, 1fr)', cell: (each) => mono(each.address) },
  { title: 'Name', width: '150px', cell: (each) => words(each.name) },
  { title: 'Sure', width: '88px', cell: (each) => <Badge tone={each.certainty === 'proven' ? 'bad' : 'plain'}>{each.certainty}</Badge> },
  { title: 'Score', width: '64px', cell: (each) => (each.score === null ? <span className="muted">–</span> : each.score.toFixed(1)) },
  { title: 'What', width: 'minmax(180px, 3fr)', cell: (each) => words(each.title) },
  { title: 'Product', width: 'minmax(120px, 2fr)', cell: (each) => words([each.product, each.versions].filter(Boolean).join(' ')) },
];

function assetColumns(capture: Capture): Column<SeenAsset>[] {
  return [
    {
      title: 'Address',
      width: 'minmax(120px, 1.4fr)',
      cell: (asset) => {
        const address = asset.ip_addresses[0] ?? asset.mac_addresses[0] ?? '';
        return capture.is_taken_in && address ? <Link href={link('/assets', { site: capture.site, text: address })}>{mono(address)}</Link> : mono(address);
      },
    },
    { title: 'Name', width: 'minmax(100px, 1fr)', cell: (asset) => words(best(asset, 'name')) },
    { title: 'Type', width: 'minmax(90px, 1fr)', cell: (asset) => words(best(asset, 'type')) },
    { title: 'Role', width: 'minmax(90px, 1fr)', cell: (asset) => words(best(asset, 'role').replaceAll('_', ' ')) },
    { title: 'Maker', width: 'minmax(110px, 1.5fr)', cell: (asset) => words(best(asset, 'vendor')) },
    { title: 'Model', width: 'minmax(110px, 1.5fr)', cell: (asset) => words(best(asset, 'model')) },
    { title: 'Firmware', width: 'minmax(80px, 1fr)', cell: (asset) => words(best(asset, 'firmware')) },
    { title: 'Serial', width: 'minmax(80px, 1fr)', cell: (asset) => words(best(asset, 'serial')) },
  ];
}

const PROTOCOLS: Column<Report['protocols'][number]>[] = [
  { title: 'Protocol', width: 'minmax(140px, 2fr)', cell: (each) => words(each.protocol) },
  { title: 'Over', width: '96px', cell: (each) => words(each.transport) },
  { title: 'Sure', width: '112px', cell: (each) => words(each.certainty) },
  { title: 'Flows', width: '96px', cell: (each) => number(each.flows) },
  { title: 'Packets', width: '112px', cell: (each) => number(each.packets) },
  { title: 'Bytes', width: '112px', cell: (each) => size(each.bytes) },
];

const OPERATIONS: Column<Report['operations'][number]>[] = [
  { title: 'Protocol', width: 'minmax(110px, 1fr)', cell: (each) => words(each.protocol) },
  { title: 'Kind', width: '128px', cell: (each) => <Kind kind={each.kind} /> },
  { title: 'Operation', width: 'minmax(180px, 3fr)', cell: (each) => words(each.service.replaceAll('_', ' ')) },
  { title: 'Times', width: '96px', cell: (each) => number(each.times) },
];

const LINKS: Column<SeenLink>[] = [
  { title: 'Client', width: 'minmax(130px, 2fr)', cell: (each) => mono(each.client) },
  { title: 'Server', width: 'minmax(130px, 2fr)', cell: (each) => mono(each.server) },
  { title: 'Service', width: '112px', cell: (each) => words(`${each.transport}/${each.port}`) },
  { title: 'Protocol', width: 'minmax(96px, 1fr)', cell: (each) => words(each.protocol) },
  { title: 'Flows', width: '80px', cell: (each) => number(each.flows) },
  { title: 'Bytes', width: '96px', cell: (each) => size(each.bytes) },
];

const ANOMALIES: Column<Report['anomalies'][number]>[] = [
  { title: 'Protocol', width: 'minmax(110px, 1fr)', cell: (each) => words(each.protocol) },
  { title: 'What', width: 'minmax(110px, 1fr)', cell: (each) => words(each.kind.replaceAll('_', ' ')) },
  { title: 'Times', width: '80px', cell: (each) => number(each.times) },
  { title: 'For example', width: 'minmax(200px, 4fr)', cell: (each) => words(each.examples[0] ?? '') },
];
