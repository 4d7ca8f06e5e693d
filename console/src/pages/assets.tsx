// Every device that sensors saw, managed or not; and what is said of many at once.
import { useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { ToggleButton } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { visible } from '../ui/text';
import { Badge, Button, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { KnownOrNot } from './assets-acts';
import { Download, Legacy, Pick, Search } from './network-parts';
import { FILTERS, type Filters, filtersIn, labelOf, optionsOf, pathOf, plain, queryOf, wordsOf } from './network-words';

type Asset = Schemas['AssetView'];
type Counts = Schemas['AssetCountsView'];

const PAGE = 200;
const REFRESH_MS = 10_000;

const COLUMNS: Column<Asset>[] = [
  {
    title: 'Asset',
    width: 'minmax(130px, 2fr)',
    cell: (asset) => (
      <Link href={`/assets/${encodeURIComponent(asset.asset_id)}`} tabIndex={-1}>
        <Foreign text={labelOf(asset)} />
      </Link>
    ),
  },
  { title: 'Address', width: 'minmax(108px, 1fr)', cell: (asset) => <Foreign text={asset.ips[0] ?? asset.macs[0]} mono /> },
  { title: 'Type', width: 'minmax(96px, 1fr)', cell: (asset) => asset.device_type ? <Foreign text={plain(asset.device_type)} /> : <span className="muted">unknown</span> },
  { title: 'Level', width: '48px', cell: (asset) => asset.level || <span className="muted">–</span> },
  { title: 'Maker and model', width: 'minmax(110px, 2fr)', cell: (asset) => <Foreign text={[asset.vendor, asset.model].filter(Boolean).join(' ')} /> },
  {
    title: 'Look at',
    width: 'minmax(150px, 2fr)',
    cell: (asset) => (
      <span className="row-of">
        {asset.open_alerts > 0 && <Badge tone="bad">{asset.open_alerts === 1 ? '1 alert' : `${asset.open_alerts} alerts`}</Badge>}
        {asset.state === 'new' && <Badge tone="info">new</Badge>}
        <Legacy support={asset.support} isShort />
        {asset.management && <Badge tone="good">managed</Badge>}
      </span>
    ),
  },
  { title: 'Seen', width: '112px', cell: (asset) => <Time at={asset.last_at} /> },
];

const CHIPS: { title: string; name: keyof Filters; value: string; of: (counts: Counts) => number }[] = [
  { title: 'With alerts', name: 'alerts', value: '1', of: (counts) => counts.with_alerts },
  { title: 'New', name: 'state', value: 'new', of: (counts) => counts.new },
  { title: 'Legacy systems', name: 'legacy', value: '1', of: (counts) => counts.legacy },
  { title: 'Unmanaged', name: 'managed', value: 'no', of: (counts) => counts.unmanaged },
  { title: 'Managed', name: 'managed', value: 'yes', of: (counts) => counts.total - counts.unmanaged },
];

const PICKS: [keyof Filters & keyof typeof VALUES, string][] = [
  ['site', 'Site'],
  ['type', 'Type'],
  ['role', 'Role'],
  ['level', 'Purdue level'],
  ['vendor', 'Maker'],
  ['criticality', 'Criticality'],
];
const VALUES = {
  site: 'site',
  type: 'device_type',
  role: 'role',
  level: 'level',
  vendor: 'vendor',
  criticality: 'criticality',
} as const satisfies Partial<Record<keyof Filters, keyof Counts>>;

export default function Assets() {
  const [parameters, change] = useQueryState();
  const [, navigate] = useLocation();
  const filters = filtersIn(parameters);
  const path = pathOf(filters);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const { items, error, ...place } = useLongList(['assets', path], (after) =>
    take(api.GET('/v1/assets', { params: { query: { limit: PAGE, after, ...queryOf(filters) } } })),
  );
  const counts = useQuery({
    queryKey: ['asset-counts', filters.site ?? ''],
    queryFn: () => take(api.GET('/v1/asset-counts', { params: { query: { site: filters.site } } })),
    refetchInterval: REFRESH_MS,
  });
  const use = useCallback(
    (name: keyof Filters, value: string) => {
      setSelected(new Set());
      change({ [name]: value }, name !== 'text');
    },
    [change],
  );
  const search = useCallback((text: string) => use('text', text), [use]);
  const isNarrowed = Object.keys(filters).length > 0;
  const select = (key: string, isSelected: boolean) => {
    const next = new Set(selected);
    if (isSelected) next.add(key);
    else next.delete(key);
    setSelected(next);
  };
  return (
    <Page
      title="Assets"
      about={counts.data && `${counts.data.total.toLocaleString('en')} seen${filters.site ? ` at ${visible(filters.site)}` : ''}`}
      actions={
        <>
          <Link className="button" href="/sensors">
            Sensors
          </Link>
          <Download what="assets" only={wordsOf(filters)} />
          <CopyAs way={{ cli: ['asset', 'list'], names: filters.text ? [filters.text] : [], options: optionsOf(filters), path }} />
        </>
      }
    >
      <div className="row-of chips" role="group" aria-label="Quick filters">
        {CHIPS.map(({ title, name, value, of }) => (
          <ToggleButton
            key={title}
            className="chip"
            isSelected={filters[name] === value}
            onChange={(isOn) => use(name, isOn ? value : '')}
          >
            {title}
            {counts.data && ` ${of(counts.data).toLocaleString('en')}`}
          </ToggleButton>
        ))}
      </div>
      <div className="row-of filters">
        <Search value={filters.text ?? ''} onChange={search} hint="name, maker, model, serial number, address" />
        {PICKS.map(([name, title]) => (
          <Pick
            key={name}
            label={title}
            value={filters[name] ?? ''}
            choices={(counts.data?.[VALUES[name]] ?? []).map((each) => [each.value, each.count] as const)}
            name={(value) => visible(plain(value))}
            onChange={(value) => use(name, value)}
          />
        ))}
        {isNarrowed && (
          <Button kind="quiet" onPress={() => change(Object.fromEntries(FILTERS.map((name) => [name, ''])), true)}>
            Show all
          </Button>
        )}
      </div>
      <ProblemNote error={error ?? counts.error} />
      <KnownOrNot selected={items.filter((each) => selected.has(each.asset_id))} clear={() => setSelected(new Set())} />
      <Table
        label="Assets"
        columns={COLUMNS}
        items={items}
        keyOf={(asset) => asset.asset_id}
        {...place}
        onOpen={(asset) => navigate(`/assets/${encodeURIComponent(asset.asset_id)}`)}
        selected={selected}
        onSelect={select}
        onSelectAll={(isSelected) => setSelected(new Set(isSelected ? items.map((each) => each.asset_id) : []))}
        empty={
          isNarrowed ? (
            'No asset fits.'
          ) : (
            <>
              No sensor has seen anything yet. <Link href="/sensors">Set one up</Link>: it listens to a mirror port and sends nothing.
            </>
          )
        }
      />
    </Page>
  );
}
