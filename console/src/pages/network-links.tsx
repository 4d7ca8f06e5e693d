// Who talks with whom, in what; and what they ask of each other.
import { useQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import { ToggleButton } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { link, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { visible } from '../ui/text';
import { Badge, Button, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { AssetLink, Download, Kind, Pick } from './network-parts';
import { bytesInWords, plain, serviceOf } from './network-words';

type NetworkLink = Schemas['LinkView'];
type Operation = Schemas['OperationView'];

const PAGE = 200;
const KINDS = ['read', 'write', 'control', 'program', 'firmware', 'file', 'identify', 'report', 'session', 'diagnose', 'other'];

export const LINK_COLUMNS: Column<NetworkLink>[] = [
  { title: 'Client', width: 'minmax(108px, 1fr)', cell: (each) => <AssetLink id={each.client_asset_id} text={each.client} /> },
  { title: 'Server', width: 'minmax(108px, 1fr)', cell: (each) => <AssetLink id={each.server_asset_id} text={each.server} /> },
  { title: 'Service', width: '90px', cell: (each) => <Foreign text={serviceOf(each)} mono /> },
  {
    title: 'Protocol',
    width: 'minmax(100px, 1fr)',
    cell: (each) => (
      <span className="row-of">
        {each.protocol ? <Foreign text={each.protocol} /> : <span className="muted">unknown</span>}
        {each.certainty && each.certainty !== 'confirmed' && <Badge>{visible(each.certainty)}</Badge>}
        {each.is_external && <Badge tone="warn">outside</Badge>}
      </span>
    ),
  },
  { title: 'Flows', width: '64px', cell: (each) => <span className="number">{each.flows.toLocaleString('en')}</span> },
  { title: 'Bytes', width: '76px', cell: (each) => <span className="number">{bytesInWords(each.bytes)}</span> },
  { title: 'Seen', width: '112px', cell: (each) => <Time at={each.last_at} /> },
];

export const OPERATION_COLUMNS: Column<Operation>[] = [
  { title: 'Client', width: 'minmax(108px, 1fr)', cell: (each) => <AssetLink id={each.client_asset_id} text={each.client} /> },
  { title: 'Server', width: 'minmax(108px, 1fr)', cell: (each) => <AssetLink id={each.server_asset_id} text={each.server} /> },
  { title: 'Class', width: '92px', cell: (each) => <Kind kind={each.kind} /> },
  { title: 'Operation', width: 'minmax(130px, 2fr)', cell: (each) => <Foreign text={`${each.protocol} ${plain(each.service)}`} /> },
  { title: 'Of', width: 'minmax(80px, 1fr)', cell: (each) => <Foreign text={[each.unit, each.area].filter(Boolean).join(' ')} /> },
  { title: 'Times', width: '64px', cell: (each) => <span className="number">{each.times.toLocaleString('en')}</span> },
  { title: 'Refused', width: '64px', cell: (each) => <span className="number">{each.failures.toLocaleString('en')}</span> },
  { title: 'Seen', width: '112px', cell: (each) => <Time at={each.last_at} /> },
];

/** Return the protocols that were seen, for pages that narrow by one. */
export function useProtocols(site: string) {
  return useQuery({
    queryKey: ['network-protocols', site],
    queryFn: () => take(api.GET('/v1/network-protocols', { params: { query: { site: site || undefined } } })),
    staleTime: 30_000,
  });
}

export default function NetworkLinks() {
  const [parameters, change] = useQueryState();
  const asset = parameters.get('asset') ?? '';
  const protocol = parameters.get('protocol') ?? '';
  const site = parameters.get('site') ?? '';
  const view = parameters.get('view') === 'operations' ? 'operations' : 'links';
  const protocols = useProtocols('');
  const sites = useQuery({
    queryKey: ['asset-counts', ''],
    queryFn: () => take(api.GET('/v1/asset-counts', { params: { query: {} } })),
  });
  const use = useCallback((name: string, value: string) => change({ [name]: value }, true), [change]);
  const query = { asset_id: asset || undefined, protocol: protocol || undefined, site: site || undefined };
  return (
    <Page
      title="Links"
      about={view === 'links' ? 'who talks with whom' : 'what they ask of each other'}
      actions={
        <>
          <Download what="links" only={{ site }} />
          <CopyAs
            way={{
              cli: ['link', view === 'links' ? 'list' : 'operations'],
              options: Object.entries({ '--asset': asset, '--protocol': protocol, '--site': site }).flatMap(([name, value]) => (value ? [name, value] : [])),
              path: link(`/v1/network-${view}`, { asset_id: asset, protocol, site }),
            }}
          />
        </>
      }
    >
      <div className="row-of chips" role="group" aria-label="What to see">
        <ToggleButton className="chip" isSelected={view === 'links'} onChange={() => use('view', '')}>
          Links
        </ToggleButton>
        <ToggleButton className="chip" isSelected={view === 'operations'} onChange={() => use('view', 'operations')}>
          Operations
        </ToggleButton>
      </div>
      <div className="row-of">
        <Pick
          label="Protocol"
          value={protocol}
          choices={(protocols.data ?? []).map((each) => [each.protocol, each.links] as const)}
          onChange={(value) => use('protocol', value)}
        />
        <Pick
          label="Site"
          value={site}
          choices={(sites.data?.site ?? []).map((each) => [each.value, null] as const)}
          onChange={(value) => use('site', value)}
        />
        {view === 'links' ? (
          <Pick
            label="Leaves the network"
            value={parameters.get('external') ?? ''}
            choices={[['yes', null], ['no', null]]}
            onChange={(value) => use('external', value)}
          />
        ) : (
          <Pick
            label="Class"
            value={parameters.get('kind') ?? ''}
            choices={KINDS.map((kind) => [kind, null] as const)}
            name={plain}
            onChange={(value) => use('kind', value)}
          />
        )}
        {asset && (
          <span className="row-of">
            Only of <AssetLink id={asset} text={asset} />
            <Button kind="quiet" onPress={() => use('asset', '')}>
              Of all
            </Button>
          </span>
        )}
      </div>
      <ProblemNote error={protocols.error} />
      {view === 'links' ? (
        <LinkTable query={query} external={parameters.get('external') ?? ''} />
      ) : (
        <OperationTable query={query} kind={parameters.get('kind') ?? ''} />
      )}
    </Page>
  );
}

interface Narrowed {
  asset_id?: string;
  protocol?: string;
  site?: string;
}

export function LinkTable({ query, external = '' }: { query: Narrowed; external?: string }) {
  const is_external = external ? external === 'yes' : undefined;
  const { items, error, ...place } = useLongList(['network-links', query, external], (after) =>
    take(api.GET('/v1/network-links', { params: { query: { limit: PAGE, after, ...query, is_external } } })),
  );
  return (
    <>
      <ProblemNote error={error} />
      <Table label="Links" columns={LINK_COLUMNS} items={items} keyOf={(each) => each.link_id} {...place} empty={<Nothing />} />
    </>
  );
}

export function OperationTable({ query, kind = '' }: { query: Narrowed; kind?: string }) {
  const { items, error, ...place } = useLongList(['network-operations', query, kind], (after) =>
    take(api.GET('/v1/network-operations', { params: { query: { limit: PAGE, after, ...query, kind: kind || undefined } } })),
  );
  return (
    <>
      <ProblemNote error={error} />
      <Table label="Operations" columns={OPERATION_COLUMNS} items={items} keyOf={(each) => each.operation_id} {...place} empty={<Nothing />} />
    </>
  );
}

function Nothing() {
  return (
    <>
      Nothing fits. <Link href="/sensors">Sensors</Link> tell of it within a minute after they saw it.
    </>
  );
}
