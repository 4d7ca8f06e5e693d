// One zone: who is in it, what may reach it, its rule set, and what whoever holds it can reach.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import { api, type Schemas, take } from '../api/client';
import { useLongList } from '../api/long-list';
import { useMay } from '../api/people';
import { link, nameIn, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote } from '../ui/ui';
import { StateBadge } from './zones';
import { Conduits } from './zones-conduits';
import { Drift, useZoneNames } from './zones-drift';
import { useReplay, useWhich, type Zone } from './zones-queries';
import { JudgedList } from './zones-review';
import { blockedInWords, levelInWords } from './zones-words';
import { Rules } from './zones-rules';
import './zones.css';

type Member = Schemas['ZoneMember'];

const TABS = [
  { id: 'members', title: 'Members' },
  { id: 'conduits', title: 'Conduits' },
  { id: 'rules', title: 'Rules' },
  { id: 'replay', title: 'Replay' },
  { id: 'drift', title: 'Drift' },
  { id: 'paths', title: 'Attack paths' },
];

export default function ZonePage() {
  const id = nameIn(usePathname());
  const { which, version, approved } = useWhich();
  const [parameters, change] = useQueryState();
  const [, navigate] = useLocation();
  const may = useMay();
  const zone = useQuery({
    queryKey: ['zones', 'one', which, id],
    queryFn: () => take(api.GET('/v1/zones/{zone_id}', { params: { path: { zone_id: id }, query: { plan: which } } })),
    enabled: which !== '',
  });
  if (!zone.data)
    return (
      <Page title="Zone">
        <ProblemNote error={zone.error} />
        {zone.error || which === '' ? <Link href="/zones">See all zones</Link> : <Empty>Reading the zone…</Empty>}
      </Page>
    );
  return (
    <Page
      title={<Foreign text={zone.data.name} />}
      about={version && <StateBadge plan={version} />}
      actions={
        <>
          <Link className="button" href={link('/zones', { plan: parameters.get('plan') ?? '' })}>
            All zones
          </Link>
          {which === 'approved' && (
            <Link className="button" href={link('/alerts', { zone: id })}>
              Its alerts
            </Link>
          )}
          {which === 'draft' && (
            <Act
              label="Remove"
              kind="danger"
              hasReason={false}
              isDisabled={!may('developPolicies')}
              title="Take this zone out of the draft?"
              act={() => take(api.DELETE('/v1/zones/{zone_id}', { params: { path: { zone_id: id } } }))}
              onDone={() => navigate('/zones?plan=draft')}
            >
              <p>Conduits that begin or end there go with it. Its assets are in no zone then, unless a rule of another takes them.</p>
            </Act>
          )}
          <CopyAs
            way={{
              cli: ['zone', 'show'],
              names: [id],
              options: which === 'approved' ? [] : ['--plan', which],
              path: `/v1/zones/${encodeURIComponent(id)}?plan=${which}`,
            }}
          />
        </>
      }
    >
      <About zone={zone.data} />
      <Tabs
        className="tabs grows"
        selectedKey={TABS.find((each) => each.id === parameters.get('tab'))?.id ?? 'members'}
        onSelectionChange={(tab) => change({ tab: tab === 'members' ? '' : String(tab) })}
      >
        <TabList aria-label="Parts of the page" items={TABS}>
          {(tab) => <Tab id={tab.id}>{tab.title}</Tab>}
        </TabList>
        <TabPanel id="members" className="react-aria-TabPanel grows">
          <Members id={id} which={which} />
        </TabPanel>
        <TabPanel id="conduits" className="react-aria-TabPanel grows">
          <Conduits which={which} zone={id} />
        </TabPanel>
        <TabPanel id="rules">
          <Rules zone={zone.data} which={which} />
        </TabPanel>
        <TabPanel id="replay">
          <ReplayOfZone id={id} which={which} />
        </TabPanel>
        <TabPanel id="drift" className="react-aria-TabPanel grows">
          <Drift approved={approved} zone={id} />
        </TabPanel>
        <TabPanel id="paths">
          <Paths id={id} which={which} />
        </TabPanel>
      </Tabs>
    </Page>
  );
}

function About({ zone }: { zone: Zone }) {
  return (
    <div className="columns">
      <Card>
        <dl className="facts">
          <dt>Level</dt>
          <dd>{levelInWords(zone.level)}</dd>
          <dt>Site</dt>
          <dd>
            <Foreign text={zone.site} />
          </dd>
          <dt>Kind</dt>
          <dd className="row-of">
            {zone.kind === 'micro' ? <Badge tone="info">micro: its members are held apart too</Badge> : 'zone: its members may talk'}
            {zone.is_critical && <Badge tone="bad">critical</Badge>}
          </dd>
          <dt>Risk</dt>
          <dd>{zone.risk} of 100</dd>
        </dl>
      </Card>
      {(zone.reasons.length > 0 || zone.rules.length > 0) && (
        <Card title="Why it is as it is">
          <ul className="plain-list">
            {zone.rules.map((rule) => {
              const said = Object.entries(rule).filter(([, values]) => values.length > 0);
              const words = said.map(([name, values]) => `${name} ${values.join(' or ')}`).join(', ');
              return (
                <li key={words}>
                  takes <Foreign text={words} />
                </li>
              );
            })}
            {zone.reasons.map((each) => (
              <li key={each}>
                <Foreign text={each} />
              </li>
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}

function Members({ id, which }: { id: string; which: string }) {
  const [, navigate] = useLocation();
  const may = useMay();
  const [asset, setAsset] = useState('');
  const members = useLongList<Member>(['zones', 'members', which, id], (after) =>
    take(api.GET('/v1/zones/{zone_id}/members', { params: { path: { zone_id: id }, query: { plan: which, limit: 200, after } } })),
  );
  const columns: Column<Member>[] = [
    {
      title: 'Asset',
      width: 'minmax(130px, 2fr)',
      cell: (each) => (
        <Link href={`/assets/${encodeURIComponent(each.asset_id)}`} tabIndex={-1}>
          <Foreign text={each.name || each.addresses[0] || each.asset_id} />
        </Link>
      ),
    },
    { title: 'Addresses', width: 'minmax(110px, 1.5fr)', cell: (each) => <Foreign text={each.addresses.join(', ')} mono /> },
    { title: 'Level', width: '60px', cell: (each) => each.level || <span className="muted">–</span> },
    { title: 'Role', width: 'minmax(80px, 1fr)', cell: (each) => <Foreign text={each.role} /> },
    { title: 'Vendor', width: 'minmax(80px, 1fr)', cell: (each) => <Foreign text={each.vendor} /> },
    { title: 'Risk', width: '56px', cell: (each) => <span className="number">{each.risk}</span> },
    {
      title: 'MUD',
      width: '80px',
      cell: (each) => (
        <Link href={`/mud-files/${encodeURIComponent(each.asset_id)}`} tabIndex={-1}>
          MUD file
        </Link>
      ),
    },
  ];
  return (
    <>
      <div className="row-of">
        {which === 'draft' ? (
          <Act
            label="Put an asset here…"
            hasReason={false}
            isReady={asset.trim() !== ''}
            isDisabled={!may('developPolicies')}
            title="Put an asset into this zone of the draft"
            act={() =>
              take(
                api.POST('/v1/zones/{zone_id}/members', {
                  params: { path: { zone_id: id } },
                  body: { asset_ids: asset.trim().split(/[\s,]+/u) },
                }),
              )
            }
          >
            <div className="field">
              <label htmlFor="asset-id">Ids of assets, as the page of each shows it; they leave any other zone that named them</label>
              <input id="asset-id" className="input" value={asset} onChange={(event) => setAsset(event.target.value)} />
            </div>
          </Act>
        ) : (
          <span className="muted">Members are moved in the draft.</span>
        )}
        <CopyAs
          way={{
            cli: ['zone', 'members'],
            names: [id],
            options: which === 'approved' ? [] : ['--plan', which],
            path: `/v1/zones/${encodeURIComponent(id)}/members?plan=${which}`,
          }}
        />
      </div>
      <ProblemNote error={members.error} />
      <Table
        label="Members"
        columns={columns}
        items={members.items}
        offset={members.offset}
        keyOf={(each) => each.asset_id}
        hasMore={members.hasMore}
        isLoading={members.isLoading}
        onMore={members.onMore}
        onBefore={members.onBefore}
        onOpen={(each) => navigate(`/assets/${encodeURIComponent(each.asset_id)}`)}
        empty="No asset is in it."
      />
    </>
  );
}

function ReplayOfZone({ id, which }: { id: string; which: string }) {
  const [isOn, setOn] = useState(false);
  const replay = useReplay(which, isOn);
  const mine = (replay.data?.shown ?? []).filter((each) => each.source === id || each.target === id);
  return (
    <Card
      title="What the plan would have done with this zone’s traffic"
      actions={
        <Button onPress={() => setOn(true)} isDisabled={isOn && replay.isFetching}>
          {isOn && replay.isFetching ? 'Replaying…' : 'Replay what was seen'}
        </Button>
      }
    >
      <ProblemNote error={replay.error} />
      {!isOn && <p className="muted">All links that were ever seen are judged; nothing is changed and nothing is sent.</p>}
      {isOn && replay.data && (
        <>
          <p className="summary" role="status">
            The version {blockedInWords(replay.data.blocked_links, replay.data.links, 'links')}; {mine.length.toLocaleString('en')} that
            break it begin or end here{mine.length > 0 ? ', these:' : '.'}
          </p>
          <JudgedList judged={mine} which={which} label="Links of this zone that break the plan" />
        </>
      )}
    </Card>
  );
}

function Paths({ id, which }: { id: string; which: string }) {
  const nameOf = useZoneNames(which);
  const paths = useQuery({
    queryKey: ['zones', 'paths', which, id],
    queryFn: () => take(api.GET('/v1/segmentation/attack-paths', { params: { query: { start: id, plan: which } } })),
  });
  const steps = paths.data?.steps ?? [];
  return (
    <Card
      title="What whoever holds this zone can reach through conduits"
      actions={
        <CopyAs
          way={{
            cli: ['segment', 'paths'],
            names: [id],
            options: which === 'approved' ? [] : ['--plan', which],
            path: `/v1/segmentation/attack-paths?start=${encodeURIComponent(id)}&plan=${which}`,
          }}
        />
      }
    >
      <ProblemNote error={paths.error} />
      {paths.isPending && <Empty>Looking…</Empty>}
      {paths.data && steps.length === 0 && <Empty>No conduit leads away from it.</Empty>}
      <ul className="plain" aria-label="Zones within reach">
        {steps.map((step) => (
          <li key={step.zone_id} className="line">
            <span>
              {step.path.map((each, index) => (
                <span key={each}>
                  {index > 0 && ' → '}
                  <Foreign text={nameOf(each)} />
                </span>
              ))}
            </span>
            <code>{step.services.slice(0, 6).join(', ')}</code>
          </li>
        ))}
      </ul>
    </Card>
  );
}
