// One asset: what it is and who says so, whom it talks with, what is wrong with it, what people said of it.
import { useQuery } from '@tanstack/react-query';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { Link } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import { api, type Schemas, take } from '../api/client';
import { nameIn, useQueryState } from '../app/url';
import { CopyAs } from '../ui/copy';
import { Badge, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';
import { EditAsset, KnownAsset, MergeAsset, SplitAsset } from './asset-acts';
import { IdentityOf } from './asset-identity';
import { HistoryOf, RiskOf } from './asset-risk';
import { Legacy } from './network-parts';
import { LinkTable, OperationTable } from './network-links';
import { OutsideOf } from './asset-outside';
import { labelOf } from './network-words';

type Asset = Schemas['AssetView'];

const REFRESH_MS = 10_000;
const TABS = [
  { id: 'identity', title: 'What it is' },
  { id: 'risk', title: 'Alerts and vulnerabilities' },
  { id: 'links', title: 'Links' },
  { id: 'operations', title: 'Operations' },
  { id: 'outside', title: 'Outside' },
  { id: 'record', title: 'Record' },
] as const;

export default function AssetPage() {
  const id = nameIn(usePathname());
  const [parameters, change] = useQueryState();
  const found = useQuery({
    queryKey: ['asset', id],
    queryFn: () => take(api.GET('/v1/assets/{asset_id}', { params: { path: { asset_id: id } } })),
    refetchInterval: REFRESH_MS,
  });
  if (!found.data) {
    return (
      <Page title={<Foreign text={id} mono />}>
        <ProblemNote error={found.error} />
        {!found.error && <Empty>Looking it up…</Empty>}
      </Page>
    );
  }
  const { asset, facts } = found.data;
  const query = { asset_id: asset.asset_id };
  return (
    <Page
      title={<Foreign text={labelOf(asset)} />}
      about={<States asset={asset} />}
      actions={
        <>
          <KnownAsset asset={asset} />
          <EditAsset asset={asset} />
          <MergeAsset asset={asset} />
          <SplitAsset asset={asset} />
          <Link className="button" href={`/mud-files/${encodeURIComponent(asset.asset_id)}`}>
            MUD file
          </Link>
          <CopyAs way={{ cli: ['asset', 'show'], names: [asset.asset_id], path: `/v1/assets/${encodeURIComponent(asset.asset_id)}` }} />
        </>
      }
    >
      <ProblemNote error={found.error} />
      {asset.asset_id !== id && (
        <p className="note">
          It was merged into this asset. What was observed at it stands among the facts, and it can be parted again.
        </p>
      )}
      <Tabs
        className="tabs"
        selectedKey={TABS.find((each) => each.id === parameters.get('tab'))?.id ?? 'identity'}
        onSelectionChange={(tab) => change({ tab: String(tab) })}
      >
        <TabList aria-label="Parts of the asset" items={TABS}>
          {(tab) => <Tab id={tab.id}>{tab.title}</Tab>}
        </TabList>
        <TabPanel id="identity">
          <IdentityOf asset={asset} facts={facts} />
        </TabPanel>
        <TabPanel id="risk">
          <RiskOf asset={asset} />
        </TabPanel>
        <TabPanel id="links">
          <LinkTable query={query} />
        </TabPanel>
        <TabPanel id="operations">
          <OperationTable query={query} />
        </TabPanel>
        <TabPanel id="outside">
          <OutsideOf asset={asset.asset_id} />
        </TabPanel>
        <TabPanel id="record">
          <HistoryOf asset={asset} />
        </TabPanel>
      </Tabs>
    </Page>
  );
}

function States({ asset }: { asset: Asset }) {
  return (
    <span className="row-of">
      {asset.open_alerts > 0 && <Badge tone="bad">{asset.open_alerts === 1 ? '1 open alert' : `${asset.open_alerts} open alerts`}</Badge>}
      <Badge tone={asset.state === 'new' ? 'info' : 'plain'}>{asset.state}</Badge>
      {asset.management ? <Badge tone="good">managed</Badge> : <Badge>unmanaged</Badge>}
      {asset.criticality !== 'normal' && <Badge tone={asset.criticality === 'low' ? 'plain' : 'warn'}>criticality {asset.criticality}</Badge>}
      <Legacy support={asset.support} />
      <span className="muted">
        seen <Time at={asset.last_at} />
      </span>
    </span>
  );
}
